// @ts-check
// Stands for a model such as openai('gpt-5'): the mock model that the AI SDK has for tests.

import { MockLanguageModelV3, simulateReadableStream } from 'ai/test';

const usage = {
  inputTokens: { total: 12, noCache: 12, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 3, text: 3, reasoning: 0 },
};

export const model = new MockLanguageModelV3({
  provider: 'mock',
  modelId: 'mock-model',
  async doStream() {
    return {
      stream: simulateReadableStream({
        initialDelayInMs: 5,
        chunkDelayInMs: 5,
        chunks: [
          { type: 'stream-start', warnings: [] },
          { type: 'text-start', id: '1' },
          { type: 'text-delta', id: '1', delta: 'Good ' },
          { type: 'text-delta', id: '1', delta: 'morning.' },
          { type: 'text-end', id: '1' },
          { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
        ],
      }),
    };
  },
});

import type { HeapProfiler, Session } from 'node:inspector';

/** How many bytes are allocated between two samples: V8's own default is 32 KiB; this costs a service nothing to notice. */
const SAMPLING_INTERVAL_BYTES = 128 * 1024;

/** Longest profile that is sent, in characters. A larger one loses its smallest parts. */
const MAX_LENGTH = 1024 * 1024;

/**
 * Samples what this process allocates and still holds, until `ended` resolves, and returns the profile as JSON, as a `.heapprofile`
 * file has it.
 *
 * It has the names of functions, and the files, lines and columns that they stand in: code, and no values. Names and
 * addresses of scripts that are no files, and so may be made of data, are left out.
 *
 * V8 has one sampling for the whole process: of two sessions that sample at a time, the first to stop ends that of both.
 *
 * @throws where this build of Node has no inspector, or another session has ended the sampling.
 */
export async function sampleHeap(ended: Promise<void>): Promise<string> {
  // On use: to load it costs, and some builds of Node have none.
  const { Session } = await import('node:inspector');
  const session = new Session();
  session.connect();
  try {
    await post(session, 'HeapProfiler.enable');
    await post(session, 'HeapProfiler.startSampling', {
      samplingInterval: SAMPLING_INTERVAL_BYTES,
    });
    await ended;
    return formatProfile(await stopSampling(session));
  } finally {
    session.disconnect();
  }
}

function post(session: Session, method: string, parameters?: object): Promise<void> {
  return new Promise((resolve, reject) => {
    session.post(method, parameters, (error) => (error === null ? resolve() : reject(error)));
  });
}

function stopSampling(session: Session): Promise<Node> {
  return new Promise((resolve, reject) => {
    // There is no answer beside an error.
    session.post('HeapProfiler.stopSampling', (error, answer) => {
      if (error === null) resolve(answer.profile.head);
      else reject(error);
    });
  });
}

type Node = HeapProfiler.SamplingHeapProfileNode;

/** The profile as JSON, of which parts are left out that are too small for all of it to have room. */
export function formatProfile(head: Node): string {
  let leastBytes = 0;
  for (;;) {
    const text = JSON.stringify({ head: reduce(head, leastBytes).node });
    if (text.length <= MAX_LENGTH) return text;
    leastBytes = Math.max(SAMPLING_INTERVAL_BYTES, leastBytes * 2);
  }
}

/** A part of the profile without what holds less than so many bytes, and how many it holds itself. */
function reduce(node: Node, leastBytes: number): { node: object; bytes: number } {
  const children = node.children.map((child) => reduce(child, leastBytes));
  const { functionName, url, lineNumber, columnNumber, scriptId } = node.callFrame;
  // Also names: what `new Function` or a template engine compiles may have been put together from data.
  const isCode = scriptId === NO_SCRIPT || isFile(url);
  return {
    bytes: children.reduce((sum, { bytes }) => sum + bytes, node.selfSize),
    node: {
      callFrame: {
        functionName: isCode && isIdentifier(functionName) ? functionName : '(other)',
        url: isFile(url) ? url : '',
        scriptId,
        lineNumber,
        columnNumber,
      },
      selfSize: node.selfSize,
      children: children.filter(({ bytes }) => bytes >= leastBytes).map((child) => child.node),
    },
  };
}

/** The script of V8's own functions, which have no address. */
const NO_SCRIPT = '0';

/** As code has names, those that V8 makes of them included, such as `get size`, `Map.<anonymous>` and `(root)`. */
function isIdentifier(name: string): boolean {
  return /^[\p{ID_Continue}$#.<>()[\] ]{0,120}$/u.test(name);
}

/** A script's own path, or a part of Node; `data:` addresses, and whatever `vm` or `eval` were given, may be anything. */
function isFile(url: string): boolean {
  return /^(?:file:\/\/\/|\/|[A-Za-z]:[\\/]|node:)[^?#]*$/.test(url);
}

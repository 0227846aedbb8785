import type { BackendSource } from './backend-source.js';
import { readNamedFile } from './backend-wire.js';
import { hashKeyHint, isHashKey } from './hash-key.js';
import type { AttributeView, BackendView } from './resolved.js';
import { backendSettings } from './schema.js';

/** Completes what one backend may see; what can not be completed is among the findings. */
export function resolveView(source: BackendSource): BackendView | undefined {
  const { filter = backendSettings.filter.default, view } = source.options;
  const attributes = resolveAttributes(source);
  if (filter === 'all' && attributes === undefined && view === undefined) return undefined;
  return Object.freeze({ filter, attributes, change: view });
}

function resolveAttributes(source: BackendSource): AttributeView | undefined {
  const { dropAttributes = [], truncateAttributes = {} } = source.options;
  const hash = resolveHash(source);
  const hasNone = dropAttributes.length === 0 && Object.keys(truncateAttributes).length === 0;
  if (hasNone && hash === undefined) return undefined;
  return Object.freeze({
    drop: Object.freeze([...dropAttributes]),
    hash,
    truncate: Object.freeze({ ...truncateAttributes }),
  });
}

function resolveHash(source: BackendSource): AttributeView['hash'] {
  const { options, findings, at } = source;
  const { hashAttributes = [], hashKey, hashKeyFile } = options;
  const key = hashKey ?? readKeyFile(source);
  if (hashAttributes.length === 0) {
    if ((hashKey ?? hashKeyFile) !== undefined && !findings.has(at('hashAttributes'))) {
      const place = at(hashKey === undefined ? 'hashKeyFile' : 'hashKey');
      const hint = 'set both, or leave it out';
      findings.warn(place, `has no effect without ${at('hashAttributes')}`, hint);
    }
    return undefined;
  }
  if (key === undefined) {
    if (!findings.has(at('hashKey')) && !findings.has(at('hashKeyFile'))) {
      const what = `is not set beside ${at('hashAttributes')}`;
      findings.problem(at('hashKey'), what, hashKeyHint);
    }
    return undefined;
  }
  return Object.freeze({ attributes: Object.freeze([...hashAttributes]), key });
}

function readKeyFile(source: BackendSource): string | undefined {
  const { findings, at } = source;
  const key = readNamedFile('hashKeyFile', source)?.replace(/[\r\n]+$/, '');
  if (key === undefined || isHashKey(key)) return key;
  const what = 'names a file whose content is not text of 32 bytes or more';
  findings.problem(at('hashKeyFile'), what, hashKeyHint);
  return undefined;
}

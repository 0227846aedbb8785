import type { TraceFlag } from '../messages.js';

const MEANINGS: Readonly<Record<TraceFlag, { readonly text: string; readonly title: string }>> = {
  split: { text: 'split', title: 'Its spans are not all at the same backends' },
  repeated: { text: 'arrived twice', title: 'A span arrived more than once at one backend' },
};

/** Why a trace deserves a look, in words. */
export function Flags({ flags }: { flags: readonly TraceFlag[] }) {
  return (
    <>
      {flags.map((flag) => (
        <span key={flag} class="flag" title={MEANINGS[flag].title}>
          {MEANINGS[flag].text}
        </span>
      ))}
    </>
  );
}

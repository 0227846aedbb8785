import { Fragment, type RefObject } from 'preact';

const KEYS: readonly (readonly [string, string])[] = [
  ['1 2 3', 'backends, flow, traces'],
  ['/', 'search'],
  ['↑ ↓ or k j', 'move in a list'],
  ['Enter', 'open what is selected'],
  ['← →', 'collapse and expand a span'],
  ['Esc', 'back'],
  ['p', 'pause and go on'],
  ['?', 'this list'],
];

/** What the keyboard can do. */
export function Shortcuts({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  return (
    <dialog ref={dialog} aria-label="Keyboard shortcuts">
      <h2>Keyboard</h2>
      <dl class="pairs">
        {KEYS.map(([keys, meaning]) => (
          <Fragment key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </Fragment>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

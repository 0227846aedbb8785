import { useEffect, useRef, useState } from 'preact/hooks';
import type { Overview } from '../messages.js';
import { backendLabel, keyLabel, serviceLabel } from './format.js';
import { type Filter, goTo } from './place.js';

/** Between a key press and its search. */
const TYPING_MS = 200;

/** What to list: by text, backend, key and service. */
export function FilterBar({ overview, filter }: { overview: Overview; filter: Filter }) {
  const change = (part: Filter) =>
    goTo({ view: 'traces', filter: { ...filter, ...part } }, 'replace');
  const isSet = Object.values(filter).some((value) => value !== undefined && value !== false);
  return (
    <form
      class="filters"
      role="search"
      aria-label="Filter traces"
      onSubmit={(e) => e.preventDefault()}
    >
      <Search text={filter.text ?? ''} onChange={(text) => change({ text })} />
      <Choice
        label="Backend"
        value={filter.backend}
        names={overview.backends.map(({ name }) => name)}
        labelOf={backendLabel}
        onChange={(backend) => change({ backend })}
      />
      <Choice
        label="Key"
        value={filter.key}
        names={overview.keys.map(({ name }) => name)}
        labelOf={keyLabel}
        onChange={(key) => change({ key })}
      />
      <Choice
        label="Service"
        value={filter.service}
        names={overview.services.map(({ name }) => name)}
        labelOf={serviceLabel}
        onChange={(service) => change({ service })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={filter.isFlagged === true}
          onChange={(event) => change({ isFlagged: event.currentTarget.checked })}
        />
        Flagged only
      </label>
      {isSet && (
        <button
          type="button"
          class="link"
          onClick={() => goTo({ view: 'traces', filter: {} }, 'replace')}
        >
          Clear
        </button>
      )}
    </form>
  );
}

function Search({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      id="search"
      type="search"
      placeholder="Span name, attribute or id"
      aria-label="Text"
      autocomplete="off"
      spellcheck={false}
      maxLength={200}
      value={typed}
      onInput={(event) => {
        const { value } = event.currentTarget;
        setTyped(value);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onChange(value), TYPING_MS);
      }}
    />
  );
}

interface ChoiceProps {
  readonly label: string;
  /** `undefined` is any. */
  readonly value: string | undefined;
  readonly names: readonly string[];
  readonly labelOf: (name: string) => string;
  readonly onChange: (name: string | undefined) => void;
}

// A name may be empty, and so `any` needs a value that no name has.
const ANY = 'any';

function Choice({ label, value, names, labelOf, onChange }: ChoiceProps) {
  // What is chosen is offered, also when its last span has gone.
  const offered = [...new Set(value === undefined ? names : [value, ...names])].sort();
  return (
    <select
      aria-label={label}
      class={value === undefined ? '' : 'chosen'}
      value={value === undefined ? ANY : `=${value}`}
      onChange={(event) => {
        const chosen = event.currentTarget.value;
        onChange(chosen === ANY ? undefined : chosen.slice(1));
      }}
    >
      <option value={ANY}>{label}: any</option>
      {offered.map((name) => (
        <option key={name} value={`=${name}`}>
          {labelOf(name)}
        </option>
      ))}
    </select>
  );
}

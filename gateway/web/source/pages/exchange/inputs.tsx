/** Inputs that an order ticket has and other forms do not: a switch, and a number with steps. */
import { useId } from "preact/hooks";
import { Field } from "../../parts/panel";

interface SwitchGiven<Name extends string> {
  label: string;
  name: string;
  chosen: Name;
  titles: Readonly<Record<Name, string>>;
  onChoose: (name: Name) => void;
}

/** Radio buttons that look like one switch; arrow keys go from one to the next. */
export function Switch<Name extends string>({ label, name, chosen, titles, onChoose }: SwitchGiven<Name>) {
  const id = useId();
  return (
    <fieldset class="exchange-switch" data-switch={name}>
      <legend class="hidden">{label}</legend>
      {(Object.entries(titles) as [Name, string][]).map(([each, title]) => (
        <label key={each} data-chosen={each === chosen} data-name={each}>
          <input
            type="radio"
            class="hidden"
            name={`${id}-${name}`}
            value={each}
            checked={each === chosen}
            onChange={() => onChoose(each)}
          />
          {title}
        </label>
      ))}
    </fieldset>
  );
}

interface NumberGiven {
  label: string;
  name: string;
  value: string;
  error: string | undefined;
  disabled?: boolean;
  placeholder?: string;
  onWrite: (text: string) => void;
  onStep: (step: 1 | -1) => void;
}

/** Up and down, by key or by button, go one step. */
export function NumberInput({ label, name, value, error, disabled = false, placeholder = "", onWrite, onStep }: NumberGiven) {
  function walk(event: KeyboardEvent): void {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    onStep(step as 1 | -1);
  }
  return (
    <Field label={label} error={error}>
      {(given) => (
        <span class="exchange-number">
          <button type="button" tabIndex={-1} aria-label={`${label}, one step down`} disabled={disabled} onClick={() => onStep(-1)}>
            −
          </button>
          <input
            {...given}
            data-key={name}
            inputMode="decimal"
            autocomplete="off"
            value={value}
            disabled={disabled}
            placeholder={placeholder}
            onInput={(event) => onWrite(event.currentTarget.value)}
            onFocus={(event) => event.currentTarget.select()}
            onKeyDown={walk}
          />
          <button type="button" tabIndex={-1} aria-label={`${label}, one step up`} disabled={disabled} onClick={() => onStep(1)}>
            +
          </button>
        </span>
      )}
    </Field>
  );
}

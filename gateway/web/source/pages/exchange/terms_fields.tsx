/** What most orders do without: stops, icebergs, pegs, conditions, links. What contradicts is said by
 * the exchange, at its field. */
import { Field } from "../../parts/panel";
import { draft, errors, write, type Draft } from "./draft";

type TextName = {
  [Name in keyof Draft]: string extends Draft[Name] ? Name : never;
}[keyof Draft];
type FlagName = {
  [Name in keyof Draft]: Draft[Name] extends boolean ? Name : never;
}[keyof Draft];

const PEGS = { "": "No peg", best_bid: "Best bid", best_offer: "Best offer", midpoint: "Midpoint" } as const;
const PREVENTIONS = {
  none: "Allowed",
  cancel_newest: "Cancel the newest",
  cancel_oldest: "Cancel the oldest",
  cancel_both: "Cancel both",
  decrement_and_cancel: "Decrement and cancel",
} as const;

export function TermsFields() {
  return (
    <div class="exchange-terms-fields">
      <Flag name="post_only" label="Post only" />
      <Flag name="reprice" label="Reprice" />
      <Choice name="self_trade_prevention" label="Self-trades" titles={PREVENTIONS} />
      <Text name="stop_price" label="Stop price" />
      <Text name="trail_amount" label="Trail by amount" />
      <Text name="trail_ticks" label="Trail by ticks" />
      <Text name="minimum_quantity" label="Minimum" />
      <Text name="display_quantity" label="Show (iceberg)" />
      <Text name="display_range" label="± at random" />
      <Flag name="reserve" label="Reserve" />
      <Flag name="hidden" label="Hidden" />
      <Flag name="all_or_none" label="All or none" />
      <Choice name="peg" label="Peg to" titles={PEGS} />
      <Text name="peg_offset" label="Peg offset" />
      <Text name="linked_order_id" label="OCO with order" />
      <Text name="parent_order_id" label="After order" />
    </div>
  );
}

function Text({ name, label }: { name: TextName; label: string }) {
  return (
    <Field label={label} error={errors.value[name]}>
      {(given) => (
        <input
          {...given}
          inputMode="decimal"
          autocomplete="off"
          value={draft.value[name]}
          onInput={(event) => write({ [name]: event.currentTarget.value })}
        />
      )}
    </Field>
  );
}

function Flag({ name, label }: { name: FlagName; label: string }) {
  return (
    <div class="exchange-flag">
      <label>
        <input
          type="checkbox"
          checked={draft.value[name]}
          aria-invalid={errors.value[name] !== undefined}
          onChange={(event) => write({ [name]: event.currentTarget.checked })}
        />{" "}
        {label}
      </label>
      {errors.value[name] !== undefined && <span class="small field-error">{errors.value[name]}</span>}
    </div>
  );
}

function Choice<Name extends "peg" | "self_trade_prevention">({ name, label, titles }: {
  name: Name;
  label: string;
  titles: Readonly<Record<Draft[Name], string>>;
}) {
  return (
    <Field label={label} error={errors.value[name]}>
      {(given) => (
        <select {...given} value={draft.value[name]} onChange={(event) => write({ [name]: event.currentTarget.value })}>
          {Object.entries(titles).map(([value, title]) => (
            <option key={value} value={value}>
              {String(title)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

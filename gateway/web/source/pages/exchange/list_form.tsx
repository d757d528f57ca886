/** The operator lists an instrument. */
import { useSignal } from "@preact/signals";
import { send, type Body, type Problem } from "../../api/client";
import { Field, problemOf, ProblemNote } from "../../parts/panel";
import { integerOf, type Errors } from "./draft";

type Listing = Body<"/api/markets/exchange/commands/list_instrument">;

const FIELDS = [
  ["instrument", "Name"],
  ["price_decimals", "Decimals of its prices"],
  ["tick_size", "Tick, in the last decimal"],
  ["lot_size", "Lot"],
] as const;
type Name = (typeof FIELDS)[number][0];

export function ListForm({ onListed }: { onListed: (name: string) => void }) {
  const texts = useSignal<Record<Name, string>>({ instrument: "", price_decimals: "2", tick_size: "1", lot_size: "1" });
  const errors = useSignal<Errors>({});
  const refused = useSignal<Problem | null>(null);
  const sending = useSignal(false);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const found: Errors = {};
    const number = (name: Name): number => {
      const value = integerOf(texts.value[name], 0);
      if (value === null) found[name] = "a whole number";
      return value ?? 0;
    };
    const instrument = texts.value.instrument.trim();
    if (instrument === "") found.instrument = "its name";
    const body = { ...DEFAULTS, instrument, price_decimals: number("price_decimals"), tick_size: number("tick_size"), lot_size: number("lot_size") };
    errors.value = found;
    refused.value = null;
    if (sending.value || Object.keys(found).length > 0) return;
    sending.value = true;
    try {
      await send("/api/markets/exchange/commands/list_instrument", body);
      onListed(instrument);
    } catch (error) {
      const problem = problemOf(error);
      const field = problem.field ?? "";
      if (field in texts.value) errors.value = { [field]: problem.detail || problem.title };
      else refused.value = problem;
    } finally {
      sending.value = false;
    }
  }

  return (
    <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
      {FIELDS.map(([name, label]) => (
        <Field key={name} label={label} error={errors.value[name]}>
          {(given) => (
            <input
              {...given}
              autocomplete="off"
              inputMode={name === "instrument" ? "text" : "numeric"}
              value={texts.value[name]}
              onInput={(event) => (texts.value = { ...texts.value, [name]: event.currentTarget.value })}
            />
          )}
        </Field>
      ))}
      <ProblemNote problem={refused.value} />
      <button class="primary" disabled={sending.value}>
        {sending.value ? "Sending…" : "List it"}
      </button>
    </form>
  );
}

/** Continuous trading at once, with no bands: as the command has it by default. */
const DEFAULTS: Omit<Listing, Name> = {
  price_min: 1,
  price_max: 1_000_000_000_000,
  quantity_max: 1_000_000_000,
  symbol: "",
  tick_bands: [],
  calendar: "",
  reference_price: 0,
  static_band_ppm: 0,
  dynamic_band_ppm: 0,
  volatility_call_ms: 0,
  random_end_ms: 0,
  extension_ms: 0,
  auction_prices: "limits",
  members_only: false,
};

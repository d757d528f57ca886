/** What a stay must be like. What each narrower search would find stands beside it. */
import { useState } from "preact/hooks";
import { Field } from "../../parts/panel";
import { dayAfter, isDate } from "./days";
import type { Facet } from "./finding";
import { amountOf, roundMoney, typedOf } from "./money";
import type { Go, Mode, Place } from "./place";

const NIGHTS_FIRST = 2;

interface FiltersGiven {
  place: Place;
  go: Go;
  facets: readonly Facet[];
  /** Of what is found. */
  currencies: readonly string[];
}

export function StayFields({ place, go }: { place: Place; go: Go }) {
  const { arrival, departure } = place;
  function arrive(day: string): void {
    if (day !== "" && !isDate(day)) return;
    const leave = day === "" ? "" : departure > day ? departure : dayAfter(day, NIGHTS_FIRST);
    go({ arrival: day, departure: leave }, true);
  }
  return (
    <div class="stays-when">
      <Field label="Arrive">{(given) => <input {...given} type="date" value={arrival} onChange={(event) => arrive(event.currentTarget.value)} />}</Field>
      <Field label="Leave">
        {(given) => (
          <input
            {...given}
            type="date"
            value={departure}
            disabled={arrival === ""}
            min={arrival === "" ? undefined : dayAfter(arrival)}
            onChange={(event) => {
              const day = event.currentTarget.value;
              if (day > arrival) go({ departure: day }, true);
            }}
          />
        )}
      </Field>
      <Field label="Guests">
        {(given) => (
          <input
            {...given}
            type="number"
            min={1}
            max={99}
            placeholder="any"
            value={place.guests || ""}
            onChange={(event) => go({ guests: Math.max(0, Math.trunc(Number(event.currentTarget.value)) || 0) }, true)}
          />
        )}
      </Field>
    </div>
  );
}

export function Filters({ place, go, facets, currencies }: FiltersGiven) {
  const currency = place.currency || (currencies.length === 1 ? (currencies[0] ?? "") : "");
  const wanted = place.amenities.split(",").filter((name) => name !== "");
  const offered = facetsOf(facets, "amenity");
  const names = [...new Set([...wanted, ...offered.map((facet) => facet.value)])];
  const count = (name: string) => offered.find((facet) => facet.value === name)?.count;

  return (
    <div class="stays-filters">
      <fieldset>
        <legend>Price{place.arrival !== "" && place.departure !== "" ? " of the stay" : " a night"}</legend>
        <Bands facets={facetsOf(facets, "price")} currency={currency} onChoose={(price_least, price_most) => go({ currency, price_least, price_most }, true)} />
        <div class="row stays-prices">
          <Amount label="Least" currency={currency} amount={place.price_least} onChange={(price_least) => go({ currency, price_least }, true)} />
          <Amount label="Most" currency={currency} amount={place.price_most} onChange={(price_most) => go({ currency, price_most }, true)} />
          <Field label="Currency">
            {(given) => (
              <select {...given} value={place.currency} onChange={(event) => go({ currency: event.currentTarget.value, price_least: 0, price_most: 0 }, true)}>
                <option value="">any</option>
                {[...new Set([...currencies, place.currency])]
                  .filter((each) => each !== "")
                  .map((each) => (
                    <option key={each}>{each}</option>
                  ))}
              </select>
            )}
          </Field>
        </div>
      </fieldset>
      <Options legend="Room" any="Any" chosen={place.room_type} facets={facetsOf(facets, "room_type")} onChoose={(room_type) => go({ room_type }, true)} />
      <Options
        legend="Booked"
        any="Either way"
        chosen={place.mode}
        facets={facetsOf(facets, "mode")}
        titles={{ instant: "at once", request: "by request" }}
        onChoose={(mode) => go({ mode: mode as Mode }, true)}
      />
      {names.length > 0 && (
        <fieldset>
          <legend>With</legend>
          <div class="stays-chips">
            {names.map((name) => (
              <button
                key={name}
                type="button"
                aria-pressed={wanted.includes(name)}
                onClick={() => go({ amenities: (wanted.includes(name) ? wanted.filter((each) => each !== name) : [...wanted, name]).join(",") }, true)}
              >
                {name} {count(name) !== undefined && <span class="muted">{count(name)}</span>}
              </button>
            ))}
          </div>
        </fieldset>
      )}
    </div>
  );
}

function facetsOf(facets: readonly Facet[], name: string): Facet[] {
  return facets.filter((facet) => facet.name === name);
}

interface AmountGiven {
  label: string;
  currency: string;
  amount: number;
  onChange: (amount: number) => void;
}

function Amount({ label, currency, amount, onChange }: AmountGiven) {
  const [wrong, setWrong] = useState<string | undefined>(undefined);
  function take(text: string): void {
    const found = text.trim() === "" ? 0 : amountOf(text, currency);
    setWrong(found === null ? "no amount" : undefined);
    if (found !== null) onChange(found);
  }
  return (
    <Field label={label} error={wrong}>
      {(given) => (
        <input
          {...given}
          inputMode="decimal"
          placeholder={currency === "" ? "name a currency" : "any"}
          disabled={currency === ""}
          value={typedOf(amount, currency)}
          onChange={(event) => take(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** How many there are by price; a bar narrows the search to its band. */
function Bands({ facets, currency, onChoose }: { facets: readonly Facet[]; currency: string; onChoose: (least: number, most: number) => void }) {
  if (facets.length < 2 || currency === "") return null;
  const most = Math.max(...facets.map((facet) => facet.count));
  return (
    <div class="stays-bands">
      {facets.map((facet, index) => {
        const least = Number(facet.value);
        const next = facets[index + 1];
        const told = next === undefined ? `from ${roundMoney(least, currency)}` : `${roundMoney(least, currency)} to ${roundMoney(Number(next.value), currency)}`;
        return (
          <button
            key={facet.value}
            type="button"
            aria-label={`${facet.count} ${told}`}
            title={`${facet.count} · ${told}`}
            onClick={() => onChoose(least, next === undefined ? 0 : Number(next.value) - 1)}
          >
            <span style={{ height: `${Math.max(6, (100 * facet.count) / most)}%` }} />
          </button>
        );
      })}
    </div>
  );
}

interface OptionsGiven {
  legend: string;
  any: string;
  chosen: string;
  facets: readonly Facet[];
  titles?: Record<string, string>;
  onChoose: (value: string) => void;
}

function Options({ legend, any, chosen, facets, titles, onChoose }: OptionsGiven) {
  const values = [...new Set([...facets.map((facet) => facet.value), chosen])].filter((each) => each !== "");
  if (values.length === 0) return null;
  return (
    <fieldset>
      <legend>{legend}</legend>
      <div class="stays-chips">
        {["", ...values].map((value) => {
          const count = facets.find((facet) => facet.value === value)?.count;
          return (
            <button key={value} type="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
              {value === "" ? any : (titles?.[value] ?? value)} {count !== undefined && <span class="muted">{count}</span>}
            </button>
          );
        })}
      </div>
    </fieldset>
  );
}

/** A listing's calendar as its host has it: nights blocked and opened, prices set for some. */
import { useState } from "preact/hooks";
import type { Rows } from "../../api/client";
import { useLive } from "../../api/live";
import { Dialog, Field, Panel, ProblemNote } from "../../parts/panel";
import { Calendar, type Chosen } from "./calendar";
import { dayOf, nightsBetween, nightsText } from "./days";
import { ListingForm } from "./listing_form";
import { amountOf } from "./money";
import type { Go } from "./place";
import { useSending } from "./sending";

type Unit = Rows<"/api/booking/stays/queries/listings">[number];

const NONE: Chosen = { arrival: "", departure: "" };

export function HostCalendar({ as, listing: unit, go }: { as: string; listing: Unit; go: Go }) {
  const { listing, currency } = unit;
  const { value: free, problem } = useLive("/api/booking/stays/queries/availability", { listing });
  const [chosen, setChosen] = useState<Chosen>(NONE);
  const [price, setPrice] = useState("");
  const [least, setLeast] = useState("");
  const [wrong, setWrong] = useState<string | undefined>(undefined);
  const sending = useSending();
  const { arrival, departure } = chosen;
  const isChosen = arrival !== "" && departure !== "";
  const ranges = isChosen ? [{ first_night: dayOf(arrival), end_night: dayOf(departure) }] : [];

  async function set(): Promise<void> {
    const amount = price.trim() === "" ? 0 : amountOf(price, currency);
    setWrong(amount === null ? `an amount of ${currency}, such as 120` : undefined);
    if (amount === null) return;
    const night_terms = { price: amount, minimum_nights: Math.trunc(Number(least)) || 0 };
    await sending.go("/api/booking/stays/commands/set_nights", { listing, host: as, ranges, night_terms });
  }

  return (
    <Panel
      title={`Calendar of ${unit.title || listing}`}
      tools={
        <>
          <button type="button" class="quiet" onClick={() => go({ view: "listing", listing })}>
            As guests see it
          </button>
          <ChangeListing as={as} listing={listing} />
        </>
      }
    >
      <div class="stack">
        <ProblemNote problem={problem} />
        {free !== null && (
          <Calendar
            listing={listing}
            currency={currency}
            today={free.first}
            chosen={chosen}
            byHost
            onChoose={(next) => {
              setChosen(next);
              sending.clear();
            }}
          />
        )}
        <fieldset class="stays-host-tools" disabled={!isChosen || sending.busy}>
          <legend class="small">{isChosen ? nightsText(nightsBetween(arrival, departure)) : "Choose nights in the calendar"}</legend>
          <div class="row">
            <button type="button" onClick={() => void sending.go("/api/booking/stays/commands/block_nights", { listing, host: as, ranges })}>
              Block
            </button>
            <button type="button" onClick={() => void sending.go("/api/booking/stays/commands/unblock_nights", { listing, host: as, ranges })}>
              Open again
            </button>
          </div>
          <form
            class="stays-set"
            onSubmit={(event) => {
              event.preventDefault();
              void set();
            }}
          >
            <Field label={`Price a night, ${currency}`} error={wrong ?? sending.errorOf("night_terms", "night_terms.price")} hint="empty: by the rules">
              {(given) => <input {...given} inputMode="decimal" value={price} onInput={(event) => setPrice(event.currentTarget.value)} />}
            </Field>
            <Field label="Nights at least" error={sending.errorOf("night_terms.minimum_nights")} hint="empty: by the rules">
              {(given) => <input {...given} type="number" min={0} value={least} onInput={(event) => setLeast(event.currentTarget.value)} />}
            </Field>
            <button class="primary">Set</button>
          </form>
        </fieldset>
        <ProblemNote problem={sending.elsewhere("night_terms", "night_terms.price", "night_terms.minimum_nights")} />
      </div>
    </Panel>
  );
}

function ChangeListing({ as, listing }: { as: string; listing: string }) {
  const { value: facts } = useLive("/api/booking/stays/queries/listing", { listing });
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" disabled={facts === null} onClick={() => setOpen(true)}>
        Change it…
      </button>
      <Dialog title="Change the listing" open={open} onClose={() => setOpen(false)}>
        {facts !== null && <ListingForm as={as} facts={facts} onDone={() => setOpen(false)} />}
      </Dialog>
    </>
  );
}

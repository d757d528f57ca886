/** Which instrument: a button, and a list that is searched by typing (WAI-ARIA's combobox). */
import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { Badge, Dialog } from "../../parts/panel";
import { ListForm } from "./list_form";
import type { Instrument } from "./market";

interface ChooserGiven {
  instruments: readonly Instrument[];
  chosen: Instrument | null;
  onChoose: (name: string) => void;
}

export function Chooser({ instruments, chosen, onChoose }: ChooserGiven) {
  const open = useSignal(false);
  const listing = useSignal(false);
  return (
    <>
      <button
        type="button"
        class="chooser"
        aria-haspopup="dialog"
        data-key="instrument"
        onClick={() => (open.value = true)}
      >
        <h1>{chosen?.symbol ?? "Exchange"}</h1>
        <span aria-hidden="true">▾</span>
      </button>
      <Dialog title="Choose an instrument" open={open.value} onClose={() => (open.value = false)}>
        <Search
          instruments={instruments}
          onChoose={(name) => {
            open.value = false;
            onChoose(name);
          }}
        />
        <p class="exchange-more">
          <button
            type="button"
            class="quiet"
            onClick={() => {
              open.value = false;
              listing.value = true;
            }}
          >
            List an instrument…
          </button>
        </p>
      </Dialog>
      <Dialog title="List an instrument" open={listing.value} onClose={() => (listing.value = false)}>
        <ListForm
          onListed={(name) => {
            listing.value = false;
            onChoose(name);
          }}
        />
      </Dialog>
    </>
  );
}

function Search({ instruments, onChoose }: { instruments: readonly Instrument[]; onChoose: (name: string) => void }) {
  const text = useSignal("");
  const at = useSignal(0);
  const id = useId();
  const box = useRef<HTMLUListElement>(null);
  const wanted = text.value.trim().toLowerCase();
  const found = instruments
    .filter((each) => `${each.instrument} ${each.symbol}`.toLowerCase().includes(wanted))
    .sort((one, other) => Number(one.delisted_at_ms !== null) - Number(other.delisted_at_ms !== null))
    .slice(0, 200);
  const index = Math.min(at.value, Math.max(found.length - 1, 0));

  function walk(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      at.value = Math.min(Math.max(index + step, 0), found.length - 1);
      box.current?.children[at.value]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      const row = found[index];
      if (row !== undefined) onChoose(row.instrument);
    }
  }

  return (
    <div class="stack">
      <input
        role="combobox"
        aria-label="Search instruments"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found.length > 0 ? `${id}-${index}` : undefined}
        autocomplete="off"
        autofocus
        placeholder="Name or symbol"
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={walk}
      />
      <ul ref={box} id={`${id}-list`} role="listbox" aria-label="Instruments" class="chooser-list" tabIndex={-1}>
        {found.map((each, number) => (
          <li
            key={each.instrument}
            id={`${id}-${number}`}
            role="option"
            aria-selected={number === index}
            onClick={() => onChoose(each.instrument)}
          >
            <strong>{each.symbol}</strong>
            {each.symbol !== each.instrument && <span class="muted">{each.instrument}</span>}
            {each.delisted_at_ms !== null && <Badge>delisted</Badge>}
            <span class="muted small end">
              tick {each.tick_size / 10 ** each.price_decimals} · lot {each.lot_size}
            </span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="muted">No instrument of that name.</p>}
    </div>
  );
}

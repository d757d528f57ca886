/** The keys of the page. Single letters count only where nobody types, and can be turned off. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { keep, kept } from "../../api/kept";
import { Dialog } from "../../parts/panel";
import { clear, write } from "./draft";
import { list, tab } from "./market";

const NAME = "exchange-keys";

export const keysOpen = signal(false);
const areOn = signal(kept(NAME) !== "off");

function turn(on: boolean): void {
  areOn.value = on;
  keep(NAME, on ? "on" : "off");
}

function focus(name: string): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-key=${name}]`)?.focus());
}

function order(change: () => void, field: string): void {
  tab.value = "trade";
  change();
  focus(field);
}

const KEYS: readonly [string, string, () => void][] = [
  ["b", "buy: to the order's price", () => order(() => write({ side: "buy" }), "price")],
  ["s", "sell: to the order's price", () => order(() => write({ side: "sell" }), "price")],
  ["p", "price", () => order(() => undefined, "price")],
  ["q", "quantity", () => order(() => undefined, "quantity")],
  ["m", "a market order, to its quantity", () => order(() => write({ order_type: "market" }), "quantity")],
  ["l", "a limit order, to its price", () => order(() => write({ order_type: "limit" }), "price")],
  ["c", "clear the order", clear],
  ["i", "choose an instrument", () => document.querySelector<HTMLElement>("[data-key=instrument]")?.click()],
  ["a", "account", () => focus("account_id")],
  ["o", "open orders", () => show("orders")],
  ["e", "executions", () => show("executions")],
  ["u", "auctions", () => show("auctions")],
  ["?", "this list", () => (keysOpen.value = true)],
];

function show(name: typeof list.value): void {
  tab.value = "orders";
  list.value = name;
  requestAnimationFrame(() => document.querySelector<HTMLElement>(`[role=tab][data-name=${name}]`)?.focus());
}

/** A dialog that was closed a moment ago may have the focus still, until the next frame. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input:not([type=radio], [type=checkbox]), select, textarea, dialog[open]") !== null;
}

function take(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && event.target instanceof HTMLElement && event.target.closest("dialog") === null) {
    event.target.blur();
  } else if (!isTyping(event.target) && (areOn.value || event.key === "?")) {
    const found = KEYS.find(([key]) => key === event.key);
    if (found === undefined) return;
    event.preventDefault();
    found[2]();
  }
}

export function Keys() {
  useEffect(() => {
    document.addEventListener("keydown", take);
    return () => document.removeEventListener("keydown", take);
  }, []);
  return (
    <Dialog title="Keys" open={keysOpen.value} onClose={() => (keysOpen.value = false)}>
      <div class="stack">
        <dl class="exchange-keys">
          {KEYS.map(([key, told]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{told}</dd>
            </div>
          ))}
          <Fixed name="↑ ↓" told="in a price or a quantity: a tick or a lot; in the book: from level to level" />
          <Fixed name="Enter" told="send the order; in the book: take the level's price" />
          <Fixed name="Esc" told="leave a field, close a window" />
        </dl>
        <label>
          <input type="checkbox" checked={areOn.value} onChange={(event) => turn(event.currentTarget.checked)} /> Letters are keys
        </label>
        <p class="small muted">
          Candles are drawn by Lightweight Charts™ of{" "}
          <a href="https://www.tradingview.com/" rel="noreferrer">
            TradingView
          </a>
          .
        </p>
      </div>
    </Dialog>
  );
}

function Fixed({ name, told }: { name: string; told: string }) {
  return (
    <div>
      <dt>
        <kbd>{name}</kbd>
      </dt>
      <dd>{told}</dd>
    </div>
  );
}

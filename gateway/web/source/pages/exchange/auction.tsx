/** A call auction that is on: what it would give if it ended now. */
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { useLive } from "../../api/live";
import { clock, decimal, span, whole, words } from "../../parts/format";
import { Empty, ProblemNote } from "../../parts/panel";
import type { Call, Instrument } from "./market";

export function AuctionView({ instrument }: { instrument: Instrument }) {
  const { value, problem } = useLive("/api/markets/exchange/queries/indications", { instrument: instrument.instrument });
  const call = value?.[0];
  if (call === undefined) return <ProblemNote problem={problem} />;
  const { price, quantity, surplus, surplus_side: side } = call;
  const decimals = instrument.price_decimals;
  return (
    <div class="auction" role="group" aria-label="Indication">
      {price === 0 ? (
        <Empty>The book does not cross: nothing would trade.</Empty>
      ) : (
        <dl class="auction-figures">
          <div>
            <dt class="small muted">Indicative price</dt>
            <dd class="auction-price">{decimal(price, decimals)}</dd>
          </div>
          <div>
            <dt class="small muted">Indicative volume</dt>
            <dd class="auction-volume">{whole(quantity)}</dd>
          </div>
          <div>
            <dt class="small muted">Imbalance</dt>
            <dd class={`auction-surplus ${side ?? ""}`}>
              {surplus === 0 ? "none" : `${whole(surplus)} ${side === "buy" ? "to buy" : "to sell"}`}
            </dd>
          </div>
        </dl>
      )}
      <Balance call={call} />
      <p class="small muted">
        {words(call.phase)}, since {clock(call.began_at_ms)} ({words(call.reason)})
        {call.until_ms > 0 && <Left until_ms={call.until_ms} />}
        {call.extensions !== "" && ` · extended: ${call.extensions.split(",").map(words).join(", ")}`}
      </p>
    </div>
  );
}

/** What would trade in the middle, what would be left at its side. */
function Balance({ call: { quantity, surplus, surplus_side: side } }: { call: Call }) {
  const all = Math.max(1, quantity + surplus);
  const left = side === "buy" ? surplus : 0;
  const right = side === "sell" ? surplus : 0;
  return (
    <div class="auction-balance" aria-hidden="true">
      <span data-side="buy" style={{ flexGrow: left / all }} />
      <span data-side="both" style={{ flexGrow: Math.max(quantity / all, 0.001) }} />
      <span data-side="sell" style={{ flexGrow: right / all }} />
    </div>
  );
}

/** Counts down, by this machine's clock. */
export function Left({ until_ms }: { until_ms: number }) {
  const now_ms = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now_ms.value = Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return <> · {span(until_ms - now_ms.value)} left</>;
}

/** The trade tape, newest first. Whoever scrolls down reads in peace: it stands still until they are
 * back at the top. */
import { ask } from "../../api/client";
import { useLive } from "../../api/live";
import { clock, decimal, whole } from "../../parts/format";
import { Panel, ProblemNote } from "../../parts/panel";
import { Table, type Column } from "../../parts/table";
import { TAIL, useGrowing, type Source } from "./growing";
import type { Instrument, Trade } from "./market";
import { Newer, useReading } from "./reading";
import { useHeight } from "./sizes";

const PATH = "/api/markets/exchange/queries/trades";
const ROW_PX = 22;

export function Tape({ instrument }: { instrument: Instrument }) {
  const name = instrument.instrument;
  const shown = useLive(PATH, { instrument: name, limit: TAIL });
  const source: Source<Trade> = {
    keyOf: (trade) => trade.number,
    ask: (limit) => ask(PATH, { instrument: name, limit }),
    missing: (newest, known) => newest.number - known.number,
  };
  const trades = useGrowing(name, shown, source);
  const [place, height] = useHeight(300);
  const reading = useReading(trades);
  return (
    <Panel title="Trades" flush class="exchange-tape" tools={<Newer reading={reading} />}>
      <ProblemNote problem={shown.problem} />
      <div ref={place} class="exchange-fill" onScrollCapture={reading.onScroll}>
        <Table
          label="Trades, newest first"
          rows={reading.rows}
          columns={columns(instrument.price_decimals)}
          keyOf={(trade) => trade.number}
          height={height}
          rowHeight={ROW_PX}
          rowClass={(trade) => (trade.busted ? "exchange-busted" : undefined)}
          empty={shown.value === null ? "…" : "Nothing has traded yet."}
        />
      </div>
    </Panel>
  );
}

function columns(decimals: number): Column<Trade>[] {
  return [
    { name: "time", title: "Time", width: "66px", cell: (trade) => <span class="muted">{clock(trade.at_ms)}</span> },
    {
      name: "price",
      title: "Price",
      width: "minmax(62px, 1.4fr)",
      end: true,
      cell: (trade) => <span class={trade.taker_side ?? ""}>{decimal(trade.price, decimals)}</span>,
    },
    { name: "quantity", title: "Size", width: "minmax(40px, 1fr)", end: true, cell: (trade) => whole(trade.quantity) },
    { name: "mark", title: <span class="hidden">Condition</span>, width: "10px", cell: (trade) => <Mark trade={trade} /> },
  ];
}

function Mark({ trade }: { trade: Trade }) {
  const told = [
    ...(trade.condition === "continuous" ? [] : [trade.condition.replaceAll("_", " ")]),
    ...(trade.corrected ? ["corrected"] : []),
    ...(trade.busted ? ["busted"] : []),
  ].join(", ");
  if (told === "") return null;
  return (
    <abbr class="muted" title={told}>
      {trade.busted ? "×" : trade.corrected ? "c" : "a"}
    </abbr>
  );
}

/** The account's executions in all instruments, newest first. */
import { ask } from "../../api/client";
import { useLive } from "../../api/live";
import { clockMs, decimal, whole } from "../../parts/format";
import { Badge, Empty, ProblemNote } from "../../parts/panel";
import { Table, type Column } from "../../parts/table";
import { TAIL, useGrowing, type Source } from "./growing";
import type { Execution, Instrument } from "./market";
import { Newer, useReading } from "./reading";
import { useHeight, useNarrow } from "./sizes";

const PATH = "/api/markets/exchange/queries/executions";
const ROW_PX = 26;
/** Columns that a narrow screen has no room for. */
const IN_WIDE = ["fee", "order", "kind"];
/** So many are asked for where those that are live do not reach what is known. */
const MISSED = 10_000;

export function Executions({ account, instruments }: { account: number | null; instruments: readonly Instrument[] }) {
  if (account === null) return <Empty>Choose an account above to see its executions.</Empty>;
  return <Of key={account} account={account} instruments={instruments} />;
}

function Of({ account, instruments }: { account: number; instruments: readonly Instrument[] }) {
  const shown = useLive(PATH, { account_id: account, limit: TAIL });
  const source: Source<Execution> = {
    keyOf: (row) => `${row.instrument} ${row.sequence} ${row.side}`,
    ask: (limit) => ask(PATH, { account_id: account, limit }),
    missing: () => MISSED,
  };
  const reading = useReading(useGrowing(String(account), shown, source));
  const [place, height] = useHeight(240);
  const decimals = new Map(instruments.map((each) => [each.instrument, each.price_decimals]));
  const narrow = useNarrow();
  const all = columns(decimals);
  return (
    <div ref={place} class="exchange-fill" onScrollCapture={reading.onScroll}>
      <ProblemNote problem={shown.problem} />
      <div class="exchange-newer">
        <Newer reading={reading} />
      </div>
      <Table
        label="Executions, newest first"
        rows={reading.rows}
        columns={narrow ? all.filter((column) => !IN_WIDE.includes(column.name)) : all}
        keyOf={source.keyOf}
        height={height}
        rowHeight={ROW_PX}
        empty={shown.value === null ? "…" : "Nothing has traded yet."}
      />
    </div>
  );
}

function columns(decimals: ReadonlyMap<string, number>): Column<Execution>[] {
  const priced = (row: Execution, amount: number): string => decimal(amount, decimals.get(row.instrument) ?? 0);
  return [
    { name: "time", title: "Time", width: "88px", cell: (row) => <span class="muted">{clockMs(row.at_ms)}</span> },
    { name: "instrument", title: "In", width: "minmax(56px, 1fr)", cell: (row) => row.instrument },
    { name: "side", title: "Side", width: "32px", cell: (row) => <span class={row.side}>{row.side}</span> },
    { name: "price", title: "Price", width: "minmax(64px, 1fr)", end: true, cell: (row) => priced(row, row.price) },
    { name: "quantity", title: "Quantity", width: "minmax(60px, 1fr)", end: true, cell: (row) => whole(row.quantity) },
    { name: "kind", title: "As", width: "62px", cell: (row) => <Kind row={row} /> },
    { name: "fee", title: "Fee", width: "minmax(48px, 1fr)", end: true, cell: (row) => <span class="muted">{priced(row, row.fee)}</span> },
    { name: "order", title: "Order", width: "76px", end: true, cell: (row) => <span class="muted">{row.order_id}</span> },
  ];
}

function Kind({ row }: { row: Execution }) {
  if (row.kind === "busted") return <Badge tone="danger">busted</Badge>;
  if (row.kind === "corrected") return <Badge tone="warning">corrected</Badge>;
  return <span class="muted">{row.kind}</span>;
}

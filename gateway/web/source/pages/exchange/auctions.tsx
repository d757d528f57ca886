/** The instrument's auctions that are over, latest first. */
import { useLive } from "../../api/live";
import { clock, decimal, whole, words } from "../../parts/format";
import { ProblemNote } from "../../parts/panel";
import { Table, type Column } from "../../parts/table";
import type { Auction, Instrument } from "./market";
import { useHeight } from "./sizes";

export function Auctions({ instrument }: { instrument: Instrument }) {
  const shown = useLive("/api/markets/exchange/queries/auctions", { instrument: instrument.instrument, limit: 100 });
  const [place, height] = useHeight(240);
  return (
    <div ref={place} class="exchange-fill">
      <ProblemNote problem={shown.problem} />
      <Table
        label="Auctions, latest first"
        rows={shown.value ?? []}
        columns={columns(instrument.price_decimals)}
        keyOf={(row) => row.began_sequence}
        height={height}
        rowHeight={26}
        empty={shown.value === null ? "…" : "No auction has been held yet."}
      />
    </div>
  );
}

function columns(decimals: number): Column<Auction>[] {
  const priced = (price: number): string => (price === 0 ? "–" : decimal(price, decimals));
  return [
    { name: "time", title: "Ended", width: "64px", cell: (row) => <span class="muted">{clock(row.ended_at_ms)}</span> },
    { name: "phase", title: "Auction", width: "minmax(110px, 2fr)", cell: (row) => words(row.phase) },
    { name: "outcome", title: "Outcome", width: "76px", cell: (row) => words(row.outcome) },
    { name: "price", title: "Price", width: "minmax(60px, 1fr)", end: true, cell: (row) => priced(row.price) },
    { name: "quantity", title: "Volume", width: "minmax(56px, 1fr)", end: true, cell: (row) => whole(row.quantity) },
    {
      name: "surplus",
      title: "Left over",
      width: "minmax(76px, 1fr)",
      end: true,
      cell: (row) => (row.surplus === 0 ? "–" : `${whole(row.surplus)} ${row.surplus_side ?? ""}`),
    },
    { name: "indicated", title: "Last indication", width: "minmax(96px, 1fr)", end: true, cell: (row) => <span class="muted">{priced(row.indicated_price)}</span> },
  ];
}

/** By month: how full a listing is, and what its host takes. */
import { useLive } from "../../api/live";
import { whole } from "../../parts/format";
import { Empty, Panel, ProblemNote } from "../../parts/panel";
import { monthName } from "./days";
import { money } from "./money";

const PPM = 1_000_000;

/** 202612 as December 2026. */
function titleOf(month: number): string {
  return monthName(`${Math.trunc(month / 100)}-${String(month % 100).padStart(2, "0")}-01`);
}

export function Occupancy({ listing, title }: { listing: string; title: string }) {
  const { value, problem } = useLive("/api/booking/stays/queries/occupancy", { listing });
  const rows = value ?? [];
  return (
    <Panel title={`How full ${title} is`}>
      <ProblemNote problem={problem} />
      {rows.length > 0 && (
        <table class="stays-table">
          <thead>
            <tr>
              <th scope="col">Month</th>
              <th scope="col">Nights</th>
              <th scope="col">
                <span class="hidden">Share</span>
              </th>
              <th scope="col">Revenue</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.month}>
                <th scope="row">{titleOf(row.month)}</th>
                <td>
                  {row.booked_nights} of {row.nights}
                </td>
                <td class="stays-share">
                  <span style={{ width: `${(100 * row.occupancy_ppm) / PPM}%` }} />
                  <span class="hidden">{Math.round((100 * row.occupancy_ppm) / PPM)} %</span>
                </td>
                <td>{money(row.revenue, row.currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {value !== null && rows.length === 0 && <Empty>Nothing is booked yet.</Empty>}
    </Panel>
  );
}

export function Revenue({ as }: { as: string }) {
  const { value, problem } = useLive("/api/booking/stays/queries/revenue", { host: as });
  const rows = value ?? [];
  return (
    <Panel title="Revenue">
      <ProblemNote problem={problem} />
      {rows.length > 0 && (
        <table class="stays-table">
          <thead>
            <tr>
              <th scope="col">Month</th>
              <th scope="col">Nights</th>
              <th scope="col">Given back</th>
              <th scope="col">Revenue</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.month} ${row.currency}`}>
                <th scope="row">{titleOf(row.month)}</th>
                <td>{whole(row.booked_nights)}</td>
                <td>{row.given_back === 0 ? "–" : money(row.given_back, row.currency)}</td>
                <td>
                  <strong>{money(row.revenue, row.currency)}</strong>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {value !== null && rows.length === 0 && <Empty>Nothing was taken yet.</Empty>}
    </Panel>
  );
}

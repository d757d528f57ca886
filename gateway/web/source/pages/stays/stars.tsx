/** Stars: of one review, and of all reviews of a listing. */
import { whole } from "../../parts/format";

export function Stars({ count }: { count: number }) {
  return (
    <span class="stays-stars" role="img" aria-label={`${count} of 5 stars`}>
      {"★".repeat(count)}
      <span class="muted">{"☆".repeat(5 - count)}</span>
    </span>
  );
}

/** The mean of its stars in thousandths, as the search ranks it. */
export function Rank({ row }: { row: { rank: number; reviews: number } }) {
  if (row.reviews === 0) return <>no reviews yet</>;
  return (
    <>
      <span aria-hidden="true">★ </span>
      {(row.rank / 1000).toFixed(2)} · {row.reviews === 1 ? "1 review" : `${whole(row.reviews)} reviews`}
    </>
  );
}

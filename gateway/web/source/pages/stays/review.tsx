/** A review: hidden from both until both have written, or the time is over. */
import { useState } from "preact/hooks";
import { Field, Note, ProblemNote } from "../../parts/panel";
import { useSending } from "./sending";

export function ReviewForm({ listing, booking, as }: { listing: string; booking: string; as: string }) {
  const [stars, setStars] = useState(5);
  const [text, setText] = useState("");
  const [isWritten, setWritten] = useState(false);
  const sending = useSending();
  if (isWritten) return <Note tone="buy">Thank you. It is shown once both have written, or after 14 days.</Note>;
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void sending.go("/api/booking/stays/commands/write_review", { listing, booking, party_id: as, stars, text }).then(setWritten);
      }}
    >
      <fieldset class="stays-rate">
        <legend>How was it?</legend>
        {[1, 2, 3, 4, 5].map((count) => (
          <label key={count} data-lit={count <= stars}>
            <input class="hidden" type="radio" name={`stars ${listing} ${booking}`} checked={count === stars} onChange={() => setStars(count)} />
            <span class="hidden">{count} stars</span>
            <span aria-hidden="true">★</span>
          </label>
        ))}
      </fieldset>
      <Field label="In words" error={sending.errorOf("text")}>
        {(given) => <textarea {...given} rows={2} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
      </Field>
      <ProblemNote problem={sending.elsewhere("text")} />
      <button class="primary" disabled={sending.busy}>
        Send the review
      </button>
    </form>
  );
}

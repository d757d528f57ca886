/** The end of a booking, by its guest or its host: asked once more, as it cannot be taken back. */
import { useState } from "preact/hooks";
import { ProblemNote } from "../../parts/panel";
import { useSending } from "./sending";

export function Cancel({ booking, as }: { booking: { listing: string; booking: string; status: string }; as: string }) {
  const [asked, setAsked] = useState(false);
  const sending = useSending();
  const { listing, booking: name, status } = booking;
  const title = status === "held" || status === "requested" ? "Withdraw" : "Cancel the booking";
  return (
    <div class="stack stays-tight stays-cancel">
      <div class="row">
        {asked ? (
          <>
            <button type="button" disabled={sending.busy} onClick={() => void sending.go("/api/booking/stays/commands/cancel_booking", { listing, booking: name, party_id: as })}>
              {title} now
            </button>
            <button type="button" class="quiet" onClick={() => setAsked(false)}>
              Keep it
            </button>
          </>
        ) : (
          <button type="button" class="quiet" onClick={() => setAsked(true)}>
            {title}…
          </button>
        )}
      </div>
      <ProblemNote problem={sending.problem} />
    </div>
  );
}

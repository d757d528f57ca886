/** A host's side: what there is to do today, the calendar of each listing, what comes in. */
import { useState } from "preact/hooks";
import type { Rows } from "../../api/client";
import { useLive } from "../../api/live";
import { span, whole } from "../../parts/format";
import { Badge, Dialog, Empty, Panel, ProblemNote, type Tone } from "../../parts/panel";
import { guestsText, nightsBetween, nightsText, shortDay } from "./days";
import { HostCalendar } from "./host_calendar";
import { Occupancy, Revenue } from "./income";
import { ListingForm } from "./listing_form";
import { money } from "./money";
import { addressOf, type Go, type Place } from "./place";
import { useSending } from "./sending";
import { useServerNow } from "./server_clock";

type Task = Rows<"/api/booking/stays/queries/host_day">[number];

const KINDS: Record<string, [string, Tone]> = {
  request: ["asks to stay", "information"],
  change: ["asks for other nights", "information"],
  arrival: ["arrives", "buy"],
  departure: ["leaves", "warning"],
};
const ORDER = ["request", "change", "arrival", "departure"];

export function Hosting({ place, go }: { place: Place; go: Go }) {
  const { as } = place;
  const { value: listings, problem } = useLive("/api/booking/stays/queries/listings", { host: as });
  const rows = listings ?? [];
  const chosen = rows.find((row) => row.listing === place.listing) ?? rows[0];
  if (listings !== null && rows.length === 0) {
    return (
      <Panel title="Hosting" tools={<OfferPlace as={as} go={go} />}>
        <Empty>{as} is not a host: nothing is listed under that name.</Empty>
      </Panel>
    );
  }
  return (
    <div class="stays-two">
      <div class="stack">
        <Today as={as} />
        <Panel title="Your listings" flush tools={<OfferPlace as={as} go={go} />}>
          <ProblemNote problem={problem} />
          <ul class="stays-rows">
            {rows.map((row) => (
              <li key={row.listing} data-chosen={row.listing === chosen?.listing}>
                <a href={addressOf({ as, view: "hosting", listing: row.listing })} aria-current={row.listing === chosen?.listing ? "true" : undefined}>
                  <strong>{row.title || row.listing}</strong>
                  <span class="small muted">
                    {[row.room_type, `up to ${guestsText(row.capacity)}`, row.mode === "request" ? "by request" : "booked at once", row.wishes === 1 ? "on 1 wish list" : `on ${whole(row.wishes)} wish lists`].filter((each) => each !== "").join(" · ")}
                  </span>
                </a>
                <span class="stays-price">
                  <strong>{money(row.night_price, row.currency)}</strong>
                  {row.is_open ? <span class="small muted">a night</span> : <Badge tone="warning">closed</Badge>}
                </span>
              </li>
            ))}
          </ul>
        </Panel>
        <Revenue as={as} />
      </div>
      {chosen !== undefined && (
        <div class="stack">
          <HostCalendar key={chosen.listing} as={as} listing={{ ...chosen }} go={go} />
          <Occupancy listing={chosen.listing} title={chosen.title || chosen.listing} />
        </div>
      )}
    </div>
  );
}

function OfferPlace({ as, go }: { as: string; go: Go }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Offer a place…
      </button>
      <Dialog title="Offer a place" open={open} onClose={() => setOpen(false)}>
        <ListingForm
          as={as}
          facts={null}
          onDone={(listing) => {
            setOpen(false);
            go({ listing });
          }}
        />
      </Dialog>
    </>
  );
}

function Today({ as }: { as: string }) {
  const [day, setDay] = useState("");
  const { value, problem } = useLive("/api/booking/stays/queries/host_day", { host: as, ...(day === "" ? {} : { day }) });
  const tasks = [...(value ?? [])].sort((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind));
  return (
    <Panel title={day === "" ? "Today" : shortDay(day)} flush tools={<input type="date" aria-label="Day" value={day} onChange={(event) => setDay(event.currentTarget.value)} />}>
      <ProblemNote problem={problem} />
      <ul class="stays-rows">
        {tasks.map((task) => (
          <TaskRow key={`${task.kind} ${task.listing}/${task.booking}`} task={{ ...task }} as={as} />
        ))}
      </ul>
      {value !== null && tasks.length === 0 && <Empty>Nobody comes, nobody goes, nobody asks.</Empty>}
    </Panel>
  );
}

function TaskRow({ task, as }: { task: Task; as: string }) {
  const now_ms = useServerNow();
  const sending = useSending();
  const [title, tone] = KINDS[task.kind] ?? [task.kind, "information" as const];
  const isAsked = task.kind === "request" || task.kind === "change";
  const { listing, booking } = task;
  const answer = (way: "accept_booking" | "decline_booking") => void sending.go(`/api/booking/stays/commands/${way}`, { listing, booking, host: as });
  return (
    <li class="stays-trip">
      <a href={addressOf({ as, view: "booking", listing, booking })}>
        <strong>{task.guest}</strong>
        <span class="small">
          {listing}, {shortDay(task.arrival)} – {shortDay(task.departure)}
        </span>
        <span class="small muted">
          {nightsText(nightsBetween(task.arrival, task.departure))} · {guestsText(task.guests)} · {money(task.total, task.currency)}
        </span>
      </a>
      <span class="stays-price">
        <Badge tone={tone}>{title}</Badge>
        {isAsked && task.due_at_ms !== null && <span class="small muted">{span(task.due_at_ms - now_ms)} left</span>}
      </span>
      {isAsked && (
        <div class="row stays-wide">
          <button type="button" class="primary" disabled={sending.busy} aria-label={`Accept ${task.guest}`} onClick={() => answer("accept_booking")}>
            Accept
          </button>
          <button type="button" disabled={sending.busy} aria-label={`Decline ${task.guest}`} onClick={() => answer("decline_booking")}>
            Decline
          </button>
        </div>
      )}
      <ProblemNote problem={sending.problem} />
    </li>
  );
}

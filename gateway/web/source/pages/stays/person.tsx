/** Who one is: a guest, a host, or both by turns. Names are the callers' own; these few are of
 * bookings that there are. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../../api/client";
import { Dialog, Field } from "../../parts/panel";

const LOOKED_AT = 4;

interface People {
  guests: string[];
  hosts: string[];
}

async function somePeople(): Promise<People> {
  const guests = new Set<string>();
  const hosts = new Set<string>();
  const { listings } = await ask("/api/booking/stays/queries/search", { limit: LOOKED_AT });
  for (const { listing } of listings) {
    const nights = await ask("/api/booking/stays/queries/calendar", { listing, days: 60 });
    const name = nights.find((night) => night.booking !== "")?.booking;
    if (name === undefined) continue;
    const booking = await ask("/api/booking/stays/queries/booking", { listing, booking: name });
    if (booking === null) continue;
    guests.add(booking.guest);
    hosts.add(booking.host);
  }
  return { guests: [...guests], hosts: [...hosts] };
}

interface PersonGiven {
  open: boolean;
  onClose: () => void;
  onChoose: (name: string) => void;
}

export function PersonDialog({ open, onClose, onChoose }: PersonGiven) {
  return (
    <Dialog title="Who are you?" open={open} onClose={onClose}>
      <Choice onChoose={onChoose} />
    </Dialog>
  );
}

function Choice({ onChoose }: { onChoose: (name: string) => void }) {
  const [people, setPeople] = useState<People>({ guests: [], hosts: [] });
  const [name, setName] = useState("");
  useEffect(() => {
    somePeople().then(setPeople, () => undefined); // without them, one types a name
  }, []);
  const offered: [string, string[]][] = [
    ["A guest who has a booking", people.guests],
    ["A host of listings", people.hosts],
  ];
  return (
    <div class="stack">
      <form
        class="row stays-person-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== "") onChoose(name.trim());
        }}
      >
        <Field label="Your name, as guest or host">
          {(given) => <input {...given} value={name} autocomplete="off" required maxLength={100} onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <button class="primary">Go on</button>
      </form>
      {offered.map(
        ([title, names]) =>
          names.length > 0 && (
            <div key={title} class="stack stays-tight">
              <h3>{title}</h3>
              <div class="row">
                {names.map((each) => (
                  <button key={each} type="button" onClick={() => onChoose(each)}>
                    {each}
                  </button>
                ))}
              </div>
            </div>
          ),
      )}
    </div>
  );
}

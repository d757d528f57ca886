/** The exchange: one instrument (`?instrument=`) as one account (`&account=`) sees it.
 *
 *     head     the instrument, its phase, its day; the account
 *     entry    the order being written      ──► commands
 *     candles, lists, book, depth, tape     ◄── live queries, each panel its own
 */
import { useLocation } from "preact-iso";
import { useEffect } from "preact/hooks";
import { queryString } from "../../api/client";
import { keep, kept } from "../../api/kept";
import { useLive } from "../../api/live";
import { Empty, Panel, ProblemNote, Tabs } from "../../parts/panel";
import { Book } from "./book";
import "./book.css";
import { Candles } from "./candles";
import { clear } from "./draft";
import "./entry.css";
import "./exchange.css";
import { Head } from "./head";
import { Keys, keysOpen } from "./keys";
import { Lists } from "./lists";
import { tab, TABS, type Instrument, type TabName } from "./market";
import { OrderForm } from "./order_form";
import { useNarrow } from "./sizes";
import { Tape } from "./tape";

const TITLES = { trade: "Trade", book: "Book", chart: "Chart", trades: "Trades", orders: "Orders" } as const;

export default function Page() {
  const { value: instruments, problem } = useLive("/api/markets/exchange/queries/instruments", {});
  const { query, route } = useLocation();
  const name = query.instrument ?? "";
  const account = /^\d{1,15}$/.test(query.account ?? "") ? Number(query.account) : null;
  const go = (instrument: string, chosen: number | null): void =>
    route(`/exchange${queryString({ instrument, account: chosen ?? undefined })}`, true);
  const [first] = instruments ?? [];
  useEffect(() => {
    if (name === "" && first !== undefined) go(first.instrument, account);
  }, [name, first?.instrument]);
  useEffect(() => {
    if (account === null) return;
    keep(KEPT, String(account));
  }, [account]);
  useEffect(() => {
    const known = remembered();
    if (account === null && known !== null) go(name, known);
  }, []);
  const instrument = instruments?.find((each) => each.instrument === name) ?? null;
  const narrow = useNarrow();
  return (
    <div class="exchange" data-narrow={narrow || undefined}>
      <div class="exchange-top">
        <Head
          instruments={instruments ?? []}
          instrument={instrument}
          account={account}
          onInstrument={(chosen) => {
            clear();
            go(chosen, account);
          }}
          onAccount={(chosen) => go(name, chosen)}
          onKeys={() => (keysOpen.value = true)}
        />
        <ProblemNote problem={problem} />
      </div>
      {narrow && (
        <Tabs label="Panels" names={TABS} titles={TITLES} chosen={tab.value} onChoose={(chosen) => (tab.value = chosen)} />
      )}
      {instrument === null ? (
        <Waiting isKnown={instruments !== null} name={name} />
      ) : (
        <Panels key={instrument.instrument} instrument={{ ...instrument }} account={account} instruments={instruments ?? []} only={narrow ? tab.value : null} />
      )}
      <Keys />
    </div>
  );
}

interface PanelsGiven {
  instrument: Instrument;
  account: number | null;
  instruments: readonly Instrument[];
  /** On a narrow screen. */
  only: TabName | null;
}

function Panels({ instrument, account, instruments, only }: PanelsGiven) {
  const has = (name: TabName): boolean => only === null || only === name;
  return (
    <>
      {has("trade") && <OrderForm instrument={instrument} account={account} />}
      {has("chart") && <Candles instrument={instrument} />}
      {has("orders") && <Lists instrument={instrument} account={account} instruments={instruments} />}
      {has("book") && <Book instrument={instrument} account={account} />}
      {has("trades") && <Tape instrument={instrument} />}
    </>
  );
}

/** The panels' places, so that nothing moves when they come. */
function Waiting({ isKnown, name }: { isKnown: boolean; name: string }) {
  if (isKnown) {
    return (
      <Panel title={name === "" ? "No instrument is listed" : `There is no instrument ${name}`} class="exchange-none">
        <Empty>Choose one above, or list it there.</Empty>
      </Panel>
    );
  }
  return (
    <>
      {["entry", "candles", "lists", "book", "depth", "tape"].map((area) => (
        <div key={area} class={`panel exchange-${area}`} />
      ))}
    </>
  );
}

const KEPT = "exchange-account";

function remembered(): number | null {
  const found = Number(kept(KEPT));
  return Number.isSafeInteger(found) && found > 0 ? found : null;
}

/** The line above the panels: the instrument, its phase and its day, and whose orders are shown. */
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { useLive } from "../../api/live";
import { clock, decimal, short, whole, words } from "../../parts/format";
import { Badge, type Tone } from "../../parts/panel";
import { Left } from "./auction";
import { Chooser } from "./chooser";
import { integerOf } from "./draft";
import { CALLS, type Chosen, type Instrument } from "./market";

interface HeadGiven {
  instruments: readonly Instrument[];
  instrument: Instrument | null;
  account: number | null;
  onInstrument: (name: string) => void;
  onAccount: (account: number | null) => void;
  onKeys: () => void;
}

export function Head({ instruments, instrument, account, onInstrument, onAccount, onKeys }: HeadGiven) {
  return (
    <header class="exchange-head panel">
      <Chooser instruments={instruments} chosen={instrument} onChoose={onInstrument} />
      {instrument === null ? <span class="exchange-figures" /> : <Day instrument={instrument} />}
      {instrument !== null && <PhaseBadge instrument={instrument} />}
      <span class="end" />
      {instrument !== null && account !== null && <Held instrument={instrument} account={account} />}
      <AccountInput account={account} onAccount={onAccount} />
      <button type="button" class="quiet" aria-label="Keys" title="Keys" onClick={onKeys}>
        ?
      </button>
    </header>
  );
}

function Day({ instrument }: { instrument: Instrument }) {
  const { value } = useLive("/api/markets/exchange/queries/statistics", { instrument: instrument.instrument, limit: 1 });
  const day = value?.[0];
  const decimals = instrument.price_decimals;
  const priced = (price: number | null | undefined): string => (price == null ? "–" : decimal(price, decimals));
  const last = day?.last ?? null;
  const before = instrument.closing_price || instrument.reference_price || day?.open || 0;
  const change = last === null || before === 0 ? null : (last - before) / before;
  return (
    <dl class="exchange-figures">
      <div class="exchange-last">
        <dt class="hidden">Last price</dt>
        <dd class={change === null || change === 0 ? "" : change > 0 ? "buy" : "sell"}>{priced(last)}</dd>
      </div>
      <Small label="Change">{change === null ? "–" : `${change > 0 ? "+" : ""}${(change * 100).toFixed(2)} %`}</Small>
      <Small label="Open">{priced(day?.open)}</Small>
      <Small label="High">{priced(day?.high)}</Small>
      <Small label="Low">{priced(day?.low)}</Small>
      <Small label="VWAP">{priced(day?.vwap)}</Small>
      <Small label="Volume">{day === undefined ? "–" : short(day.volume)}</Small>
      <Small label="Trades">{day === undefined ? "–" : whole(day.trades)}</Small>
    </dl>
  );
}

function Small({ label, children }: { label: string; children: string }) {
  return (
    <div>
      <dt class="muted">{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const TONES: Record<string, Tone> = { continuous: "buy", trading_at_last: "buy", halt: "danger", closed: "warning", pre_open: "warning" };

function PhaseBadge({ instrument }: { instrument: Instrument }) {
  const { value: phase } = useLive("/api/markets/exchange/queries/phase", { instrument: instrument.instrument });
  if (instrument.delisted_at_ms !== null) return <Badge tone="danger">delisted</Badge>;
  if (phase === null) return null;
  const until = phase.until_ms;
  const next = phase.next_phase === null || phase.next_at_ms === null ? "" : `then ${words(phase.next_phase)} at ${clock(phase.next_at_ms)}`;
  return (
    <span class="exchange-phase">
      <Badge tone={CALLS.includes(phase.phase) ? "information" : (TONES[phase.phase] ?? "accent")}>{words(phase.phase)}</Badge>
      <span class="muted small">
        since {clock(phase.since_ms)}
        {until !== null && <Left until_ms={until} />}
        {next !== "" && ` · ${next}`}
      </span>
    </span>
  );
}

function Held({ instrument, account }: { instrument: Instrument; account: number }) {
  const { value } = useLive("/api/markets/exchange/queries/positions", { account_id: account, instrument: instrument.instrument });
  const position = value?.[0]?.position ?? 0;
  return (
    <dl class="exchange-figures">
      <div>
        <dt class="muted">Position</dt>
        <dd class={position > 0 ? "buy" : position < 0 ? "sell" : ""}>
          {position > 0 ? "+" : ""}
          {whole(position)}
        </dd>
      </div>
    </dl>
  );
}

function AccountInput({ account, onAccount }: { account: Chosen["account"]; onAccount: (account: number | null) => void }) {
  const { value: accounts } = useLive("/api/markets/exchange/queries/accounts", { limit: 200 });
  const text = useSignal(String(account ?? ""));
  useEffect(() => {
    text.value = String(account ?? "");
  }, [account]);
  const number = integerOf(text.value, 0);
  const isWrong = text.value.trim() !== "" && (number === null || number <= 0);
  function choose(): void {
    if (!isWrong) onAccount(text.value.trim() === "" ? null : number);
  }
  return (
    <form
      class="exchange-account"
      onSubmit={(event) => {
        event.preventDefault();
        choose();
      }}
    >
      <label>
        <span class="muted small">Account</span>
        <input
          data-key="account_id"
          inputMode="numeric"
          autocomplete="off"
          list="exchange-accounts"
          aria-invalid={isWrong}
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
          onChange={choose}
        />
      </label>
      <datalist id="exchange-accounts">
        {(accounts ?? [])
          .filter((each) => each.is_open)
          .map((each) => (
            <option key={each.account_id} value={each.account_id} />
          ))}
      </datalist>
    </form>
  );
}

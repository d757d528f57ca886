/** Money: integers in minor units of a currency come in; text goes out. */
const formats = new Map<string, [Intl.NumberFormat, Intl.NumberFormat, number]>();

function formatOf(currency: string): [Intl.NumberFormat, Intl.NumberFormat, number] {
  let found = formats.get(currency);
  if (found === undefined) {
    const known = /^[A-Za-z]{3}$/.test(currency);
    const style: Intl.NumberFormatOptions = known ? { style: "currency", currency, currencyDisplay: "narrowSymbol" } : { minimumFractionDigits: 2 };
    const exact = new Intl.NumberFormat("en", style);
    const digits = exact.resolvedOptions().maximumFractionDigits ?? 2;
    found = [exact, new Intl.NumberFormat("en", { ...style, minimumFractionDigits: 0, maximumFractionDigits: 0 }), digits];
    formats.set(currency, found);
  }
  return found;
}

/** (12050, "USD") is $120.50; whole units stand without their zeros. */
export function money(amount: number, currency: string): string {
  const [exact, whole, digits] = formatOf(currency);
  const units = 10 ** digits;
  return (amount % units === 0 ? whole : exact).format(amount / units);
}

/** To the whole unit: for dots on a map, and nights in a calendar. */
export function roundMoney(amount: number, currency: string): string {
  const [, whole, digits] = formatOf(currency);
  return whole.format(Math.round(amount / 10 ** digits));
}

/** What a person types, in minor units; null: no amount. */
export function amountOf(text: string, currency: string): number | null {
  const digits = formatOf(currency)[2];
  if (!/^\d{1,9}(\.\d{0,3})?$/.test(text.trim())) return null;
  const [head = "0", tail = ""] = text.trim().split(".");
  if (tail.length > digits) return null;
  return Number(head + tail.padEnd(digits, "0"));
}

/** As `amountOf` reads it. */
export function typedOf(amount: number, currency: string): string {
  const digits = formatOf(currency)[2];
  return amount === 0 ? "" : String(amount / 10 ** digits);
}

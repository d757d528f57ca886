import exchange.core2.core.ExchangeApi;
import exchange.core2.core.ExchangeCore;
import exchange.core2.core.common.CoreSymbolSpecification;
import exchange.core2.core.common.CoreWaitStrategy;
import exchange.core2.core.common.L2MarketData;
import exchange.core2.core.common.MatcherEventType;
import exchange.core2.core.common.MatcherTradeEvent;
import exchange.core2.core.common.OrderAction;
import exchange.core2.core.common.OrderType;
import exchange.core2.core.common.SymbolType;
import exchange.core2.core.common.api.ApiAddUser;
import exchange.core2.core.common.api.ApiAdjustUserBalance;
import exchange.core2.core.common.api.ApiCancelOrder;
import exchange.core2.core.common.api.ApiCommand;
import exchange.core2.core.common.api.ApiMoveOrder;
import exchange.core2.core.common.api.ApiNop;
import exchange.core2.core.common.api.ApiPlaceOrder;
import exchange.core2.core.common.api.binary.BatchAddSymbolsCommand;
import exchange.core2.core.common.cmd.CommandResultCode;
import exchange.core2.core.common.cmd.OrderCommand;
import exchange.core2.core.common.config.ExchangeConfiguration;
import exchange.core2.core.common.config.InitialStateConfiguration;
import exchange.core2.core.common.config.PerformanceConfiguration;
import exchange.core2.core.common.config.SerializationConfiguration;
import exchange.core2.core.processors.journaling.DiskSerializationProcessor;
import exchange.core2.core.processors.journaling.DiskSerializationProcessorConfiguration;
import exchange.core2.core.utils.AffinityThreadFactory;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * exchange-core, as the other side of bench/exchange_core.py: `java Peer WAIT_STRATEGY`.
 *
 * Reads requests from standard input and answers each with a line of JSON:
 *   pass NAME FILE   run the flow in FILE on a fresh exchange, its journal on, in ./dumps
 *   recover NAME     start an exchange from the journal that the pass of that name left
 * An exchange lives for one request, so that none of its threads spins while the other side runs;
 * the compiled code and the loaded flows stay.
 */
public final class Peer {
    private static final int SYMBOL = 1, BASE = 1, QUOTE = 2, ACCOUNTS = 1000;
    private static final long RICH = 1_000_000_000_000_000L;
    /** The highest price at which a buyer's funds are held: moves may go up to it. */
    private static final long RESERVE_PRICE = 200_000;

    private final CoreWaitStrategy waitStrategy;
    private final Map<String, List<ApiCommand>> flows = new HashMap<>();
    /** Written by the exchange's thread of results, read once the last result is in. */
    private long trades, quantity;

    private Peer(CoreWaitStrategy waitStrategy) {
        this.waitStrategy = waitStrategy;
    }

    public static void main(String[] arguments) {
        try {
            Peer peer = new Peer(CoreWaitStrategy.valueOf(arguments[0]));
            BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
            for (String request; (request = requests.readLine()) != null; ) {
                String[] words = request.split(" ");
                System.out.println(
                    words[0].equals("pass") ? peer.pass(words[1], words[2]) : peer.recover(words[1]));
            }
            System.exit(0);
        } catch (Throwable error) {
            error.printStackTrace();
            Runtime.getRuntime().halt(1); // the exchange's threads would keep the process
        }
    }

    private String pass(String name, String file) throws Exception {
        if (!flows.containsKey(file)) flows.put(file, load(file));
        List<ApiCommand> flow = flows.get(file);
        ExchangeCore core = build(InitialStateConfiguration.cleanStartJournaling(name), true);
        core.startup();
        ExchangeApi api = core.getApi();
        openAccounts(api);
        trades = quantity = 0;
        int last = flow.size() - 1;
        System.gc();
        long started = System.nanoTime();
        for (int i = 0; i < last; i++) api.submitCommand(flow.get(i));
        await(api.submitCommandAsync(flow.get(last))); // results come in order, each after its journal
        return finish(core, System.nanoTime() - started);
    }

    private String recover(String name) throws Exception {
        trades = quantity = 0;
        System.gc();
        long started = System.nanoTime();
        ExchangeCore core = build(InitialStateConfiguration.lastKnownStateFromJournal(name, 0, 0), false);
        core.startup();
        await(core.getApi().submitCommandAsync(ApiNop.builder().build()));
        return finish(core, System.nanoTime() - started);
    }

    private String finish(ExchangeCore core, long tookNs) throws Exception {
        L2MarketData book = await(core.getApi().requestOrderBookAsync(SYMBOL, Integer.MAX_VALUE));
        long resting = 0;
        for (int i = 0; i < book.bidSize; i++) resting += book.bidOrders[i];
        for (int i = 0; i < book.askSize; i++) resting += book.askOrders[i];
        core.shutdown(20, TimeUnit.SECONDS);
        return String.format(Locale.ROOT, "{\"seconds\":%.6f,\"trades\":%d,\"quantity\":%d,\"resting\":%d}",
            tookNs / 1e9, trades, quantity, resting);
    }

    private ExchangeCore build(InitialStateConfiguration initialState, boolean journaling) {
        DiskSerializationProcessorConfiguration disk = DiskSerializationProcessorConfiguration.createDefaultConfig();
        return ExchangeCore.builder()
            .resultsConsumer(this::count)
            .exchangeConfiguration(ExchangeConfiguration.defaultBuilder()
                .initStateCfg(initialState)
                .performanceCfg(PerformanceConfiguration.throughputPerformanceBuilder()
                    .matchingEnginesNum(1)
                    .riskEnginesNum(1)
                    .waitStrategy(waitStrategy)
                    .threadFactory(new AffinityThreadFactory(
                        AffinityThreadFactory.ThreadAffinityMode.THREAD_AFFINITY_DISABLE))
                    .build())
                .serializationCfg(SerializationConfiguration.builder()
                    .enableJournaling(journaling)
                    .serializationProcessorFactory(c -> new DiskSerializationProcessor(c, disk))
                    .build())
                .build())
            .build();
    }

    private void count(OrderCommand command, long sequence) {
        for (MatcherTradeEvent e = command.matcherEvent; e != null; e = e.nextEvent) {
            if (e.eventType == MatcherEventType.TRADE) {
                trades++;
                quantity += e.size;
            }
        }
    }

    private static void openAccounts(ExchangeApi api) throws Exception {
        List<CompletableFuture<CommandResultCode>> results = new ArrayList<>();
        results.add(api.submitBinaryDataAsync(new BatchAddSymbolsCommand(CoreSymbolSpecification.builder()
            .symbolId(SYMBOL).type(SymbolType.CURRENCY_EXCHANGE_PAIR)
            .baseCurrency(BASE).quoteCurrency(QUOTE).baseScaleK(1).quoteScaleK(1).build())));
        for (int uid = 1; uid <= ACCOUNTS; uid++) {
            results.add(api.submitCommandAsync(ApiAddUser.builder().uid(uid).build()));
            for (int currency : new int[] {BASE, QUOTE})
                results.add(api.submitCommandAsync(ApiAdjustUserBalance.builder()
                    .uid(uid).currency(currency).amount(RICH).transactionId(currency).build()));
        }
        for (CompletableFuture<CommandResultCode> result : results) {
            CommandResultCode code = await(result);
            if (code != CommandResultCode.SUCCESS) throw new IllegalStateException(code.toString());
        }
    }

    /** The result, or a failure where there is none: some wait strategies lose wake-ups. */
    private static <T> T await(CompletableFuture<T> result) throws Exception {
        return result.get(60, TimeUnit.SECONDS);
    }

    /** Lines of `kind,order,account,side,price,quantity`, as bench/order_flow.py gives them. */
    private static List<ApiCommand> load(String file) throws IOException {
        List<String> lines = Files.readAllLines(Path.of(file));
        List<ApiCommand> flow = new ArrayList<>(lines.size());
        long[] owner = new long[lines.size() + 1];
        for (String line : lines) {
            String[] field = line.split(",");
            int order = Integer.parseInt(field[1]);
            long price = Long.parseLong(field[4]);
            switch (field[0]) {
                case "C" -> flow.add(ApiCancelOrder.builder()
                    .orderId(order).uid(owner[order]).symbol(SYMBOL).build());
                case "M" -> flow.add(ApiMoveOrder.builder()
                    .orderId(order).uid(owner[order]).symbol(SYMBOL).newPrice(price).build());
                default -> {
                    owner[order] = Long.parseLong(field[2]) + 1;
                    flow.add(ApiPlaceOrder.builder()
                        .orderId(order).uid(owner[order]).symbol(SYMBOL)
                        .action(field[3].equals("0") ? OrderAction.BID : OrderAction.ASK)
                        .price(price).reservePrice(RESERVE_PRICE).size(Long.parseLong(field[5]))
                        .orderType(field[0].equals("I") ? OrderType.IOC : OrderType.GTC).build());
                }
            }
        }
        return flow;
    }
}

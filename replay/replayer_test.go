package replay_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"offboard/replay"
)

// build is what one build of the workflow does. The zero value is made by today; each test changes one thing of it.
type build struct {
	activity, signal, child, childType, attribute, memo, answer, result, summary, sideEffect string
	input                                                                                    order
	rest, attempt, budget, pulse                                                             time.Duration
	attempts                                                                                 int32
	childInput                                                                               int
	childTimeout                                                                             time.Duration
	closing                                                                                  enumspb.ParentClosePolicy
	signalled                                                                                map[string]int
	noVersion, swapped, noMemo, early, extra, panics                                         bool
	refusal, ending                                                                          error
}

type order struct {
	Article string            `json:"article"`
	Count   int               `json:"count"`
	Notes   map[string]string `json:"notes,omitempty"`
}

func today() build {
	return build{activity: "Charge", signal: "news", child: workflowID + "/ship", childType: "Ship", attribute: "resting", memo: "eins", answer: "yes", result: "done",
		summary: "Charge the card", sideEffect: "Draw a number", input: order{Article: "lamp", Count: 2, Notes: map[string]string{"a": "1", "b": "2"}},
		rest: 24 * time.Hour, attempt: time.Minute, budget: time.Hour, pulse: 10 * time.Second, attempts: 5, childInput: 7, childTimeout: time.Hour,
		closing: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, signalled: map[string]int{"parcels": 1}}
}

var stage = temporal.NewSearchAttributeKeyKeyword("Stage")

func (b build) workflow(ctx workflow.Context, _ string) (string, error) {
	approved := false
	err := workflow.SetUpdateHandlerWithOptions(ctx, "approve", func(workflow.Context, string) (string, error) {
		approved = true
		return b.answer, nil
	}, workflow.UpdateHandlerOptions{Validator: func(workflow.Context, string) error { return b.refusal }})
	if err != nil {
		return "", err
	}
	if !b.noVersion {
		workflow.GetVersion(ctx, "two-lamps", workflow.DefaultVersion, 1)
	}
	if b.panics {
		panic("a lamp is broken")
	}
	var n int
	if err := workflow.SideEffectWithOptions(ctx, workflow.SideEffectOptions{Summary: b.sideEffect}, func(workflow.Context) any { return 3 }).Get(&n); err != nil {
		return "", err
	}
	steps := []func(){
		func() { err = errors.Join(err, workflow.UpsertTypedSearchAttributes(ctx, stage.ValueSet(b.attribute))) },
		func() {
			if !b.noMemo {
				err = errors.Join(err, workflow.UpsertMemo(ctx, map[string]any{"lamp": b.memo}))
			}
		},
	}
	if b.swapped {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		step()
	}
	if err != nil {
		return "", err
	}
	if b.early {
		return b.result, nil
	}
	// Begun and given up in one task, which the server records both.
	short, cancel := workflow.WithCancel(ctx)
	workflow.NewTimer(short, time.Second)
	cancel()
	if err := b.charge(ctx); err != nil {
		return "", err
	}
	if b.extra {
		workflow.NewTimer(ctx, time.Hour)
	}
	if err := workflow.NewTimerWithOptions(ctx, b.rest, workflow.TimerOptions{Summary: "Let it rest"}).Get(ctx, nil); err != nil {
		return "", err
	}
	if err := workflow.Await(ctx, func() bool { return approved }); err != nil {
		return "", err
	}
	if err := b.ship(ctx); err != nil {
		return "", err
	}
	return b.result, b.ending
}

func (b build) charge(ctx workflow.Context) error {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: b.attempt, ScheduleToCloseTimeout: b.budget,
		HeartbeatTimeout: b.pulse, Summary: b.summary,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: b.attempts, MaximumInterval: time.Minute}}), b.activity, b.input).Get(ctx, nil)
}

func (b build) ship(ctx workflow.Context) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: b.child, ParentClosePolicy: b.closing, WorkflowRunTimeout: b.childTimeout, StaticSummary: "Ship it"})
	if err := workflow.ExecuteChildWorkflow(ctx, b.childType, b.childInput).Get(ctx, nil); err != nil {
		return err
	}
	return workflow.SignalExternalWorkflow(ctx, "stock", "", b.signal, b.signalled).Get(ctx, nil)
}

// recorded is the history of today's build, up to the point where it ends.
func recorded(t *testing.T, dc converter.DataConverter) *builder {
	t.Helper()
	h := begin(t, dc, "customer")
	h.task()
	h.marker("Version", map[string]any{"change-id": "two-lamps", "version": 1}, "")
	h.attribute("TemporalChangeVersion", []string{"two-lamps-1"})
	h.marker("SideEffect", map[string]any{"side-effect-id": 1, "data": 3}, "Draw a number")
	h.attribute("Stage", "resting")
	h.memo("lamp", "eins")
	short := h.timer("10", time.Second, "")
	h.timerCanceled("10", short)
	activity := h.activity("12", "Charge", today().input)
	h.activityDone(activity, nil)
	h.task()
	timer := h.timer("18", 24*time.Hour, "Let it rest")
	h.fired("18", timer)
	h.task()
	h.task()
	h.update("u1", "approve", "me", h.success("yes"))
	child := h.child(workflowID+"/ship", 7)
	h.childDone(workflowID+"/ship", child, nil)
	h.task()
	h.signalled("stock", h.signal("stock", "news", map[string]int{"parcels": 1}))
	h.task()
	return h
}

func replayer(t *testing.T, dc converter.DataConverter, f any) *replay.Replayer {
	t.Helper()
	r, err := replay.New(replay.Options{DataConverter: dc, Register: func(registry worker.WorkflowRegistry) {
		registry.RegisterWorkflowWithOptions(f, workflow.RegisterOptions{Name: "Order"})
	}})
	require.NoError(t, err)
	return r
}

func differences(t *testing.T, f any, h *historypb.History) []replay.Difference {
	t.Helper()
	list, err := replayer(t, nil, f).Replay(h)
	require.NoError(t, err)
	return list
}

func TestAnUnchangedBuildHasNoDifference(t *testing.T) {
	plain := converter.GetDefaultDataConverter()
	assert.Empty(t, differences(t, today().workflow, recorded(t, plain).completedWith("done")))
	open := recorded(t, plain).events[:19]
	assert.Empty(t, differences(t, today().workflow, &historypb.History{Events: open}), "while it rests")
}

// Every one of these passes Temporal's own replayer, as the test proves.
func TestWhatTemporalsReplayerLetsPassIsCaught(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*build)
		want   replay.Difference
	}{
		"the result":                 {func(b *build) { b.result = "sent" }, replay.Difference{EventID: 39, Kind: replay.End, Field: "result[0]", Expected: `"done"`, Got: `"sent"`}},
		"a field of an input":        {func(b *build) { b.input.Count = 3 }, replay.Difference{EventID: 12, Kind: replay.Activity, Name: "Charge", Field: "input[0].count", Expected: "2", Got: "3"}},
		"a field more in an input":   {func(b *build) { b.input.Notes = nil }, replay.Difference{EventID: 12, Kind: replay.Activity, Name: "Charge", Field: "input[0].notes", Expected: `{"a":"1","b":"2"}`}},
		"an attempt's time":          {func(b *build) { b.attempt = 2 * time.Minute }, replay.Difference{EventID: 12, Kind: replay.Activity, Name: "Charge", Field: "start-to-close timeout", Expected: `"1m0s"`, Got: `"2m0s"`}},
		"a heartbeat":                {func(b *build) { b.pulse = time.Second }, replay.Difference{EventID: 12, Kind: replay.Activity, Name: "Charge", Field: "heartbeat timeout", Expected: `"10s"`, Got: `"1s"`}},
		"the retries":                {func(b *build) { b.attempts = 1 }, replay.Difference{EventID: 12, Kind: replay.Activity, Name: "Charge", Field: "retry policy.maximum attempts", Expected: `"5"`, Got: `"1"`}},
		"a summary":                  {func(b *build) { b.summary = "Charge" }, replay.Difference{EventID: 12, Kind: replay.Activity, Name: "Charge", Field: "summary", Expected: `"Charge the card"`, Got: `"Charge"`}},
		"a timer":                    {func(b *build) { b.rest = time.Hour }, replay.Difference{EventID: 18, Kind: replay.Timer, Field: "duration", Expected: `"24h0m0s"`, Got: `"1h0m0s"`}},
		"a search attribute":         {func(b *build) { b.attribute = "asleep" }, replay.Difference{EventID: 8, Kind: replay.Attributes, Field: "Stage", Expected: `"resting"`, Got: `"asleep"`}},
		"the memo":                   {func(b *build) { b.memo = "zwei" }, replay.Difference{EventID: 9, Kind: replay.Memo, Field: "lamp", Expected: `"eins"`, Got: `"zwei"`}},
		"a side effect's summary":    {func(b *build) { b.sideEffect = "Draw" }, replay.Difference{EventID: 7, Kind: replay.SideEffect, Field: "summary", Expected: `"Draw a number"`, Got: `"Draw"`}},
		"an answer to an update":     {func(b *build) { b.answer = "perhaps" }, replay.Difference{EventID: 27, Kind: replay.Update, Name: "approve", Field: "result[0]", Expected: `"yes"`, Got: `"perhaps"`}},
		"a validator":                {func(b *build) { b.refusal = errors.New("never") }, replay.Difference{EventID: 26, Kind: replay.Update, Name: "approve", Field: "validation", Expected: "accepted", Got: "refused: never"}},
		"a child's input":            {func(b *build) { b.childInput = 8 }, replay.Difference{EventID: 28, Kind: replay.Child, Name: "Ship", Field: "input[0]", Expected: "7", Got: "8"}},
		"a child's time":             {func(b *build) { b.childTimeout = time.Minute }, replay.Difference{EventID: 28, Kind: replay.Child, Name: "Ship", Field: "run timeout", Expected: `"1h0m0s"`, Got: `"1m0s"`}},
		"a child's end":              {func(b *build) { b.closing = enumspb.PARENT_CLOSE_POLICY_ABANDON }, replay.Difference{EventID: 28, Kind: replay.Child, Name: "Ship", Field: "close policy", Expected: `"RequestCancel"`, Got: `"Abandon"`}},
		"a signal's input":           {func(b *build) { b.signalled = map[string]int{"parcels": 2} }, replay.Difference{EventID: 34, Kind: replay.Signal, Name: "news", Field: "input[0].parcels", Expected: "1", Got: "2"}},
		"a version nobody asks for":  {func(b *build) { b.noVersion = true }, replay.Difference{EventID: 5, Kind: replay.Version, Name: "two-lamps", Expected: "1"}},
		"the budget of all attempts": {func(b *build) { b.budget = 2 * time.Hour }, replay.Difference{EventID: 12, Kind: replay.Activity, Name: "Charge", Field: "schedule-to-close timeout", Expected: `"1h0m0s"`, Got: `"2h0m0s"`}},
	} {
		t.Run(name, func(t *testing.T) {
			b := today()
			test.change(&b)
			h := recorded(t, converter.GetDefaultDataConverter()).completedWith("done")
			require.NoError(t, sdkReplay(t, b.workflow, h), "Temporal's replayer sees it by itself")
			list := differences(t, b.workflow, h)
			require.NotEmpty(t, list)
			assert.Equal(t, test.want.Kind, list[0].Kind, list[0])
			assert.Contains(t, list, test.want)
			assert.False(t, list[0].Stuck())
		})
	}
}

// sdkReplay is Temporal's own replay.
func sdkReplay(t *testing.T, f any, h *historypb.History) error {
	t.Helper()
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{})
	require.NoError(t, err)
	r.RegisterWorkflowWithOptions(f, workflow.RegisterOptions{Name: "Order"})
	data, err := h.Marshal()
	require.NoError(t, err)
	fresh := &historypb.History{}
	require.NoError(t, fresh.Unmarshal(data))
	return r.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), fresh, worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: workflowID}})
}

func TestWhatStopsARunIsNamedWithItsEvent(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*build)
		id     int64
		says   string
	}{
		"another activity":   {func(b *build) { b.activity = "Bill" }, 12, "Bill"},
		"another signal":     {func(b *build) { b.signal = "olds" }, 34, "olds"},
		"another child":      {func(b *build) { b.childType = "Fly" }, 28, "Fly"},
		"a step left out":    {func(b *build) { b.noMemo = true }, 9, "memo"},
		"two steps swapped":  {func(b *build) { b.swapped = true }, 8, "ModifyWorkflowProperties"},
		"a step more":        {func(b *build) { b.extra = true }, 16, "timer"},
		"an end before time": {func(b *build) { b.early = true }, 10, "this build"},
		"a panic":            {func(b *build) { b.panics = true }, 0, "a lamp is broken"},
		"another child's ID": {func(b *build) { b.child = "elsewhere" }, 28, "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			b := today()
			test.change(&b)
			list := differences(t, b.workflow, recorded(t, converter.GetDefaultDataConverter()).completedWith("done"))
			require.NotEmpty(t, list)
			assert.True(t, slices.ContainsFunc(list, replay.Difference.Stuck), "%v", list)
			assert.Equal(t, test.id, list[0].EventID, list[0])
			assert.Contains(t, list[0].String(), test.says)
		})
	}
}

// Temporal's replayer compares no other ending than a good one.
func TestEveryEndingIsCompared(t *testing.T) {
	plain := converter.GetDefaultDataConverter()
	broken := func(message, kind string) build {
		b := today()
		b.ending = temporal.NewNonRetryableApplicationError(message, kind, nil)
		return b
	}
	failed := recorded(t, plain).failedWith("no lamp is left", "SoldOut")
	assert.Empty(t, differences(t, broken("no lamp is left", "SoldOut").workflow, failed))
	for name, test := range map[string]struct {
		b     build
		field string
	}{
		"another text": {broken("none is left", "SoldOut"), "failure.message"},
		"another type": {broken("no lamp is left", "Empty"), "failure.type"},
		"a result":     {today(), "how"},
	} {
		require.NoError(t, sdkReplay(t, test.b.workflow, failed), name)
		list := differences(t, test.b.workflow, failed)
		require.NotEmpty(t, list, name)
		assert.True(t, slices.ContainsFunc(list, func(d replay.Difference) bool {
			return d.Kind == replay.End && d.Field == test.field && d.EventID == 39
		}), "%s: %v", name, list)
	}
	completed := recorded(t, plain).completedWith("done")
	list := differences(t, broken("no lamp is left", "SoldOut").workflow, completed)
	assert.True(t, slices.ContainsFunc(list, func(d replay.Difference) bool { return d.Kind == replay.End && d.Expected == `"completed"` }), "%v", list)
}

func waits(ctx workflow.Context, _ string) (string, error) {
	return "", workflow.Sleep(ctx, time.Hour)
}

func givesUp(ctx workflow.Context, _ string) (string, error) {
	_ = workflow.Sleep(ctx, time.Hour) // the mistake that the test is about
	return "gave up", nil
}

func TestACancellationIsCompared(t *testing.T) {
	h := begin(t, converter.GetDefaultDataConverter(), "customer")
	h.task()
	timer := h.timer("5", time.Hour, "Sleep")
	h.cancelRequested()
	h.task()
	h.timerCanceled("5", timer)
	history := h.canceled()
	assert.Empty(t, differences(t, waits, history))
	require.NoError(t, sdkReplay(t, givesUp, history))
	list := differences(t, givesUp, history)
	require.NotEmpty(t, list)
	assert.Equal(t, replay.Difference{EventID: 11, Kind: replay.End, Field: "how", Expected: `"canceled"`, Got: `"completed"`}, list[0])
}

func goesOn(n int) func(workflow.Context, int) error {
	return func(ctx workflow.Context, _ int) error { return workflow.NewContinueAsNewError(ctx, "Order", n) }
}

func TestTheInputOfTheNextRunIsCompared(t *testing.T) {
	h := begin(t, converter.GetDefaultDataConverter(), 1)
	h.task()
	history := h.again(2)
	assert.Empty(t, differences(t, goesOn(2), history))
	require.NoError(t, sdkReplay(t, goesOn(3), history))
	assert.Equal(t, []replay.Difference{{EventID: 5, Kind: replay.End, Field: "input[0]", Expected: "2", Got: "3"}}, differences(t, goesOn(3), history))
}

// reversed is a codec that makes every payload unreadable without it.
type reversed struct{}

func (reversed) Encode(ps []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(ps))
	for i, p := range ps {
		data, err := p.Marshal()
		if err != nil {
			return nil, err
		}
		slices.Reverse(data)
		out[i] = &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte("binary/reversed")}, Data: data}
	}
	return out, nil
}

func (reversed) Decode(ps []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(ps))
	for i, p := range ps {
		data := slices.Clone(p.GetData())
		slices.Reverse(data)
		out[i] = &commonpb.Payload{}
		if err := out[i].Unmarshal(data); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func TestACodecIsReadThrough(t *testing.T) {
	coded := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), reversed{})
	h := recorded(t, coded).completedWith("done")
	text, err := replay.Marshal(h)
	require.NoError(t, err)
	require.NotContains(t, string(text), "customer", "the codec is at work")
	list, err := replayer(t, coded, today().workflow).Replay(h)
	require.NoError(t, err)
	assert.Empty(t, list)
	b := today()
	b.input.Article = "chair"
	list, err = replayer(t, coded, b.workflow).Replay(h)
	require.NoError(t, err)
	assert.Equal(t, []replay.Difference{{EventID: 12, Kind: replay.Activity, Name: "Charge", Field: "input[0].article", Expected: `"lamp"`, Got: `"chair"`}}, list)
	list, err = replayer(t, nil, today().workflow).Replay(h)
	require.NoError(t, err)
	assert.NotEmpty(t, list, "without the codec")
}

func TestAHistoryIsNotChangedAndMayBeReplayedAgain(t *testing.T) {
	h := recorded(t, converter.GetDefaultDataConverter()).completedWith("done")
	before, err := replay.Marshal(h)
	require.NoError(t, err)
	r := replayer(t, nil, today().workflow)
	for range 2 {
		list, err := r.Replay(h)
		require.NoError(t, err)
		assert.Empty(t, list)
	}
	after, err := replay.Marshal(h)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}

func TestWhatCannotBeReplayed(t *testing.T) {
	_, err := replay.New(replay.Options{})
	require.ErrorContains(t, err, "Register")
	_, err = replayer(t, nil, waits).Replay(&historypb.History{})
	require.ErrorContains(t, err, "does not begin with the start")
	h := begin(t, converter.GetDefaultDataConverter(), "customer")
	h.scheduled()
	assert.Empty(t, differences(t, waits, h.history()), "no worker has seen it yet")
}

func TestSomeDifferencesMayBeIgnored(t *testing.T) {
	changed := today()
	changed.summary, changed.activity = "Charge", "Bill"
	h := recorded(t, converter.GetDefaultDataConverter()).completedWith("done")
	r, err := replay.New(replay.Options{
		Register: func(registry worker.WorkflowRegistry) {
			registry.RegisterWorkflowWithOptions(changed.workflow, workflow.RegisterOptions{Name: "Order"})
		},
		Ignore: func(replay.Difference) bool { return true },
	})
	require.NoError(t, err)
	list, err := r.Replay(h)
	require.NoError(t, err)
	require.Len(t, list, 1, "what stops a run cannot be ignored")
	assert.True(t, list[0].Stuck())
}

func TestAFileIsReadAsItWasWritten(t *testing.T) {
	h := recorded(t, converter.GetDefaultDataConverter()).completedWith("done")
	want, err := replay.Marshal(h)
	require.NoError(t, err)
	assert.Equal(t, len(h.Events)+2, bytes.Count(want, []byte("\n")), "an event a line")
	for _, name := range []string{"h.json", "h.json.gz"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, replay.Save(path, h))
		back, err := replay.Load(path)
		require.NoError(t, err)
		got, err := replay.Marshal(back)
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got), name)
	}
	_, err = replay.Load(filepath.Join(t.TempDir(), "none.json"))
	require.Error(t, err)
}

func TestALongDifferenceIsCutWhereItBegins(t *testing.T) {
	long := string(bytes.Repeat([]byte("a"), 500))
	text := replay.Difference{EventID: 3, Kind: replay.Timer, Field: "summary", Expected: long + "b" + long, Got: long + "c"}.String()
	assert.Less(t, len(text), 400)
	assert.Contains(t, text, "aab")
	assert.Contains(t, text, "aac")
	assert.Contains(t, replay.Difference{Kind: replay.Version, Name: "x", Expected: "1"}.String(), "this build nothing")
}

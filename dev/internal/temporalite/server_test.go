package temporalite_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"offboard/dev/internal/temporalite"
)

const queue = "greetings"

// startBudget is what a start may take on a busy two-core machine; on an idle
// one it is well under a second.
const startBudget = 10 * time.Second

func TestMain(m *testing.M) {
	if dir := os.Getenv(childData); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// Greet runs one activity, then waits for a signal, so that a test can stop the
// world in the middle of it.
func Greet(ctx workflow.Context, name string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	var greeting string
	if err := workflow.ExecuteActivity(ctx, Compose, name).Get(ctx, &greeting); err != nil {
		return "", err
	}
	var ending string
	workflow.GetSignalChannel(ctx, "end").Receive(ctx, &ending)
	return greeting + ending, nil
}

// Compose is the activity of Greet.
func Compose(_ context.Context, name string) (string, error) { return "Hello " + name, nil }

func start(t *testing.T, o temporalite.Options) *temporalite.Server {
	t.Helper()
	begun := time.Now()
	s, err := temporalite.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	t.Logf("started in %s", time.Since(begun).Round(time.Millisecond))
	assert.Less(t, time.Since(begun), startBudget)
	return s
}

func dial(t *testing.T, s *temporalite.Server) client.Client {
	t.Helper()
	c, err := connect(s)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func connect(s *temporalite.Server) (client.Client, error) {
	return client.Dial(client.Options{HostPort: s.Address(), Namespace: s.Namespace(), Logger: silent{}})
}

func work(t *testing.T, c client.Client) {
	t.Helper()
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(Greet)
	w.RegisterActivity(Compose)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

func TestRunsWorkflowInMemory(t *testing.T) {
	s := start(t, temporalite.Options{})
	assert.Equal(t, "default", s.Namespace())
	c := dial(t, s)
	work(t, c)

	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "greet", TaskQueue: queue}, Greet, "Ada")
	require.NoError(t, err)
	require.NoError(t, c.SignalWorkflow(t.Context(), "greet", "", "end", "!"))
	var got string
	require.NoError(t, run.Get(t.Context(), &got))
	assert.Equal(t, "Hello Ada!", got)

	ns, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(t, err)
	assert.Equal(t, 24*time.Hour, ns.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
}

func TestSearchAttributesAreUsableAtOnce(t *testing.T) {
	s := start(t, temporalite.Options{
		UIPort: temporalite.NoUI,
		SearchAttributes: map[string]enumspb.IndexedValueType{
			"OffboardUser":  enumspb.INDEXED_VALUE_TYPE_KEYWORD,
			"OffboardPhase": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
			"OffboardOpen":  enumspb.INDEXED_VALUE_TYPE_INT,
		},
	})
	assert.Empty(t, s.UI())
	c := dial(t, s)
	user := temporal.NewSearchAttributeKeyKeyword("OffboardUser")
	open := temporal.NewSearchAttributeKeyInt64("OffboardOpen")
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "indexed", TaskQueue: queue,
		TypedSearchAttributes: temporal.NewSearchAttributes(user.ValueSet("ada@acme.example"), open.ValueSet(3)),
	}, Greet, "Ada")
	require.NoError(t, err)

	for query, want := range map[string]int64{
		`OffboardUser = "ada@acme.example" AND OffboardOpen > 2`: 1,
		`OffboardUser = "bob@acme.example"`:                      0,
		`OffboardPhase IS NULL`:                                  1,
	} {
		requireCount(t, c, query, want)
	}
}

// requireCount waits for visibility, which the server writes a moment after the
// workflow itself.
func requireCount(t *testing.T, c client.Client, query string, want int64) {
	t.Helper()
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		got, err := c.CountWorkflow(context.Background(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		require.NoError(t, err)
		assert.Equal(t, want, got.GetCount())
	}, 5*time.Second, 20*time.Millisecond, query)
}

func TestWebUIAnswers(t *testing.T) {
	s := start(t, temporalite.Options{Namespace: "staging", CodecEndpoint: "http://127.0.0.1:8081"})
	page := get(t, s.UI()+"/")
	assert.Contains(t, page, "<html")
	assert.Contains(t, get(t, s.UI()+"/api/v1/namespaces"), `"staging"`)
	settings := get(t, s.UI()+"/api/v1/settings")
	assert.Contains(t, settings, `"DefaultNamespace":"staging"`)
	assert.Contains(t, settings, `"Endpoint":"http://127.0.0.1:8081"`)
	assert.Contains(t, get(t, s.HTTP()+"/api/v1/namespaces/staging"), `"staging"`)
}

// TestWebUIWrites does what a browser does to start a workflow from the page: it
// keeps the CSRF cookie, if the server lets it, and sends its value back.
func TestWebUIWrites(t *testing.T) {
	s := start(t, temporalite.Options{})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	page, err := browser.Get(s.UI() + "/")
	require.NoError(t, err)
	require.NoError(t, page.Body.Close())
	origin, err := url.Parse(s.UI())
	require.NoError(t, err)
	token := ""
	for _, cookie := range jar.Cookies(origin) {
		if cookie.Name == "_csrf" {
			token = cookie.Value
		}
	}
	require.NotEmpty(t, token, "the browser kept no CSRF cookie")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.UI()+"/api/v1/namespaces/default/workflows/from-the-page",
		strings.NewReader(`{"workflowType":{"name":"Greet"},"taskQueue":{"name":"greetings"}}`))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", s.UI())
	req.Header.Set("X-CSRF-Token", token)
	resp, err := browser.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(body))
	_, err = dial(t, s).DescribeWorkflowExecution(t.Context(), "from-the-page", "")
	require.NoError(t, err)
}

func get(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, http.StatusOK, resp.StatusCode, address)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

func TestTwoServersDoNotMix(t *testing.T) {
	one, two := start(t, temporalite.Options{}), start(t, temporalite.Options{})
	require.NotEqual(t, one.Address(), two.Address())
	_, err := dial(t, one).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "only-in-one", TaskQueue: queue}, Greet, "Ada")
	require.NoError(t, err)

	_, err = dial(t, one).DescribeWorkflowExecution(t.Context(), "only-in-one", "")
	require.NoError(t, err)
	_, err = dial(t, two).DescribeWorkflowExecution(t.Context(), "only-in-one", "")
	require.ErrorContains(t, err, "not found")
}

func TestTakenPortIsNamed(t *testing.T) {
	for _, option := range []string{"Port", "UIPort", "HTTPPort"} {
		t.Run(option, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer func() { _ = l.Close() }()
			port := l.Addr().(*net.TCPAddr).Port
			o := map[string]temporalite.Options{
				"Port": {Port: port}, "UIPort": {UIPort: port}, "HTTPPort": {HTTPPort: port},
			}[option]

			_, err = temporalite.Start(t.Context(), o)
			taken, ok := errors.AsType[*temporalite.PortTakenError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, option, taken.Option)
			assert.Equal(t, port, taken.Port)
			assert.ErrorContains(t, err, strconv.Itoa(port))
			assert.ErrorContains(t, err, "choose another "+option)
		})
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		options temporalite.Options
		want    string
	}{
		"host name":      {temporalite.Options{Host: "acme.example"}, "not an IP address"},
		"port":           {temporalite.Options{Port: -1}, "negative port"},
		"retention":      {temporalite.Options{Retention: -time.Hour}, "negative Retention"},
		"reserved name":  {temporalite.Options{SearchAttributes: keywords("WorkflowId")}, "reserved"},
		"too many":       {temporalite.Options{SearchAttributes: keywords("A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K")}, "all 10 are used"},
		"data is a file": {temporalite.Options{Data: "server_test.go"}, "data directory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := temporalite.Start(t.Context(), tc.options)
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func keywords(names ...string) map[string]enumspb.IndexedValueType {
	attributes := map[string]enumspb.IndexedValueType{}
	for _, name := range names {
		attributes[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	return attributes
}

func TestCancelledStartFails(t *testing.T) {
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 15 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			_, err := temporalite.Start(ctx, temporalite.Options{Data: dir})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, temporalite.ErrDataInUse)

			start(t, temporalite.Options{Data: dir, UIPort: temporalite.NoUI})
		})
	}
}

func TestLogsNoErrors(t *testing.T) {
	core, entries := observer.New(zapcore.ErrorLevel)
	s, err := temporalite.Start(t.Context(), temporalite.Options{Logger: zap.New(core)})
	require.NoError(t, err)
	c := dial(t, s)
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "open", TaskQueue: queue}, Greet, "Ada")
	require.NoError(t, err)
	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop(), "a second stop is the first one's result")
	for _, e := range entries.All() {
		t.Errorf("%s: %s %v", e.Level, e.Message, e.ContextMap())
	}
}

// silent keeps the SDK's log out of the tests' output.
type silent struct{}

var _ log.Logger = silent{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

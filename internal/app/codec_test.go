package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"

	"offboard/internal/codec"
)

// keyFile writes a key of 32 equal bytes.
func keyFile(t *testing.T, dir, id string, b byte) {
	t.Helper()
	value := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
	require.NoError(t, os.WriteFile(filepath.Join(dir, id), []byte(value+"\n"), 0o600))
}

// encryptWith writes a configuration whose keys are files of the directory.
func encryptWith(t *testing.T, dir string, ids ...string) func(string) string {
	t.Helper()
	text := "encryption:\n  keys:\n"
	for _, id := range ids {
		text += "    - {id: " + id + ", key: \"file:" + filepath.Join(dir, id) + "\"}\n"
	}
	file := filepath.Join(dir, "offboard.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return func(name string) string { return map[string]string{"OFFBOARD_CONFIG": file}[name] }
}

func TestAProgramPicksUpAChangedConfiguration(t *testing.T) {
	dir := t.TempDir()
	keyFile(t, dir, "old", 1)
	core, logs := observer.New(zap.InfoLevel)
	r, err := openKeyring(t.Context(), encryptWith(t, dir, "old"), zap.New(core))
	require.NoError(t, err)
	defer r.stop()
	data, _ := r.converters("hr")
	first, err := data.ToPayload("leaver@acme.example")
	require.NoError(t, err)

	// Another program has the new key already; this one is told of it by what it cannot read.
	keyFile(t, dir, "new", 2)
	ahead, err := openKeyring(t.Context(), encryptWith(t, dir, "new", "old"), zap.NewNop())
	require.NoError(t, err)
	defer ahead.stop()
	theirs, _ := ahead.converters("hr")
	second, err := theirs.ToPayload("leaver@acme.example")
	require.NoError(t, err)
	var text string
	err = data.FromPayload(second, &text)
	_, unknown := errors.AsType[*codec.UnknownKey](err)
	require.True(t, unknown, "%v", err)
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		require.NoError(collect, data.FromPayload(second, &text))
	}, 30*time.Second, 10*time.Millisecond)
	assert.Equal(t, "leaver@acme.example", text)
	require.NoError(t, data.FromPayload(first, &text))
	assert.Equal(t, 1, logs.FilterMessage("the encryption keys have changed").Len())
	assert.Equal(t, []string{"new", "old"}, r.keys.IDs())
}

func TestWhatCannotBeReadAgainLeavesTheKeysThereAre(t *testing.T) {
	dir := t.TempDir()
	keyFile(t, dir, "a", 1)
	core, logs := observer.New(zap.InfoLevel)
	r, err := openKeyring(t.Context(), encryptWith(t, dir, "a"), zap.New(core))
	require.NoError(t, err)
	defer r.stop()
	data, _ := r.converters("hr")
	sealed, err := data.ToPayload("leaver@acme.example")
	require.NoError(t, err)
	for _, damage := range []func(){
		func() { keyFile(t, dir, "a", 9) }, // the same ID for another key
		func() { require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("???"), 0o600)) },
		func() { require.NoError(t, os.Remove(filepath.Join(dir, "a"))) },
		func() { require.NoError(t, os.WriteFile(filepath.Join(dir, "offboard.yaml"), []byte("{}"), 0o600)) },
	} {
		damage()
		before := logs.Len()
		r.refresh(t.Context())
		r.refresh(t.Context())
		assert.Equal(t, before+1, logs.Len(), "it is said once")
		var text string
		require.NoError(t, data.FromPayload(sealed, &text))
		assert.Equal(t, "leaver@acme.example", text)
	}
	for _, line := range logs.All() {
		assert.NotContains(t, line.ContextMap()["error"], base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32)))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	before := logs.Len()
	r.refresh(ended)
	assert.Equal(t, before, logs.Len(), "a program that ends complains of nothing")
}

func TestWithoutKeysNothingIsEncrypted(t *testing.T) {
	r, err := openKeyring(t.Context(), func(string) string { return "" }, zap.NewNop())
	require.NoError(t, err)
	assert.Nil(t, r)
	r.stop()
	data, failures := r.converters("hr")
	assert.Nil(t, data)
	assert.Nil(t, failures)
	data, failures = Converters(mocks.NewClient(t))
	assert.Nil(t, data)
	assert.Nil(t, failures)
	assert.NotNil(t, dataConverter(mocks.NewClient(t)))
}

func TestAProgramWithoutAUsableKeyDoesNotStart(t *testing.T) {
	dir := t.TempDir()
	_, err := openKeyring(t.Context(), encryptWith(t, dir, "absent"), zap.NewNop())
	require.ErrorContains(t, err, "offboard.yaml:3: encryption.keys[0] cannot be used")
}

func TestErrorsAreEncryptedToo(t *testing.T) {
	dir := t.TempDir()
	keyFile(t, dir, "a", 1)
	r, err := openKeyring(t.Context(), encryptWith(t, dir, "a"), zap.NewNop())
	require.NoError(t, err)
	defer r.stop()
	_, failures := Converters(&Connection{Namespace: "hr", keys: r})
	failure := failures.ErrorToFailure(temporal.NewApplicationError("leaver@acme.example was not found", "NotFound", "leaver@acme.example"))
	assert.Equal(t, "Encoded failure", failure.GetMessage())
	assert.NotContains(t, failure.String(), "leaver")
	assert.Equal(t, "NotFound", failure.GetApplicationFailureInfo().GetType(), "the kind of an error stays readable: policies of retries go by it")
	back := failures.FailureToError(failure)
	assert.ErrorContains(t, back, "leaver@acme.example was not found")
	var detail string
	problem, ok := errors.AsType[*temporal.ApplicationError](back)
	require.True(t, ok)
	require.NoError(t, problem.Details(&detail))
	assert.Equal(t, "leaver@acme.example", detail)

	r.failures = false
	_, plain := r.converters("hr")
	assert.Equal(t, "not found", plain.ErrorToFailure(errors.New("not found")).GetMessage())
}

// firstEvent is the part of the server that tells what a run was started with.
type firstEvent struct {
	workflowservice.WorkflowServiceClient
	input *commonpb.Payloads
}

// GetWorkflowExecutionHistory implements workflowservice.WorkflowServiceClient.
func (f firstEvent) GetWorkflowExecutionHistory(context.Context, *workflowservice.GetWorkflowExecutionHistoryRequest, ...grpc.CallOption) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: []*historypb.HistoryEvent{{
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: f.input}}}}}}, nil
}

// What the server says of a run without asking a worker is encrypted too: why a call is tried again, whom it is about.
func TestWhatTheServerSaysOfARunIsDecrypted(t *testing.T) {
	dir := t.TempDir()
	keyFile(t, dir, "a", 1)
	r, err := openKeyring(t.Context(), encryptWith(t, dir, "a"), zap.NewNop())
	require.NoError(t, err)
	defer r.stop()
	data, failures := r.converters("hr")
	input, err := data.ToPayloads(map[string]string{"user": "leaver@acme.example"})
	require.NoError(t, err)

	c := mocks.NewClient(t)
	c.On("DescribeWorkflowExecution", mock.Anything, "run", "").Return(&workflowservice.DescribeWorkflowExecutionResponse{
		PendingActivities: []*workflowpb.PendingActivityInfo{{Attempt: 2, LastFailure: failures.ErrorToFailure(errors.New("reset the key: the region does not answer"))}},
	}, nil)
	c.On("DescribeWorkflow", mock.Anything, "run", "r").Return(&client.WorkflowExecutionDescription{}, nil)
	c.On("WorkflowService").Return(firstEvent{input: input})
	runs := NewRuns(&Connection{Client: c, Namespace: "hr", keys: r}, RunsConfig{Namespace: "hr"})
	assert.Equal(t, "the region does not answer", runs.failing(t.Context(), "run"))
	listed := Listed{WorkflowID: "run", RunID: "r"}
	require.NoError(t, runs.about(t.Context(), &listed))
	assert.Equal(t, "leaver@acme.example", listed.Person)
}

// A worker without the key must not take an error for "Encoded failure", which is what the SDK makes of one it cannot
// read, and go on.
func TestAWorkersConvertersStopAtWhatTheyCannotRead(t *testing.T) {
	here, there := t.TempDir(), t.TempDir()
	keyFile(t, here, "a", 1)
	keyFile(t, there, "b", 2)
	own, err := openKeyring(t.Context(), encryptWith(t, here, "a"), zap.NewNop())
	require.NoError(t, err)
	defer own.stop()
	foreign, err := openKeyring(t.Context(), encryptWith(t, there, "b"), zap.NewNop())
	require.NoError(t, err)
	defer foreign.stop()
	_, failures := foreign.converters("hr")
	failure := failures.ErrorToFailure(errors.New("leaver@acme.example was not found"))
	_, strict := own.strictConverters("hr")
	assert.Panics(t, func() { _ = strict.FailureToError(failure) })
}

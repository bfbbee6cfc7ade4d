package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"offboard/internal/app"
)

// logged runs something with a logger and returns its lines by message.
func logged(t *testing.T, secrets *app.Redactor, do func(*zap.Logger)) map[string]map[string]any {
	t.Helper()
	var out bytes.Buffer
	logger, err := app.NewLogger(&out, environment(map[string]string{"OFFBOARD_LOG_LEVEL": "debug"}), secrets)
	require.NoError(t, err)
	do(logger)
	lines := map[string]map[string]any{}
	for line := range strings.Lines(out.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields), "line %q", line)
		lines[fmt.Sprint(fields["msg"])] = fields
	}
	return lines
}

// here is the file and line of the caller plus some lines, as a log line names it.
func here(lines int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file)), line+lines)
}

func TestALineNamesTheCodeThatLogged(t *testing.T) {
	want := map[string]string{}
	sayActivity := func(ctx context.Context) error {
		want["activity"] = here(1)
		activity.GetLogger(ctx).Info("activity", "Key", "value")
		want["activity with"] = here(1)
		sdklog.With(activity.GetLogger(ctx), "More", 1).Warn("activity with")
		return nil
	}
	sayWorkflow := func(ctx workflow.Context) error {
		want["workflow"] = here(1)
		workflow.GetLogger(ctx).Info("workflow", "Key", "value")
		want["workflow with"] = here(1)
		sdklog.With(workflow.GetLogger(ctx), "More", 1).Error("workflow with", "Error", errors.New("bad"))
		return nil
	}
	lines := logged(t, &app.Redactor{}, func(logger *zap.Logger) {
		adapter := app.TemporalLogger(logger)
		want["plain"] = here(1)
		adapter.Debug("plain")
		want["plain with"] = here(1)
		sdklog.With(adapter, "Key", "value").Info("plain with")
		skipping := func() { sdklog.Skip(adapter, 1).Info("skipped") }
		want["skipped"] = here(1)
		skipping()

		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(adapter)
		activities := suite.NewTestActivityEnvironment()
		activities.RegisterActivity(sayActivity)
		_, err := activities.ExecuteActivity(sayActivity)
		require.NoError(t, err)
		workflows := suite.NewTestWorkflowEnvironment()
		workflows.ExecuteWorkflow(sayWorkflow)
		require.NoError(t, workflows.GetWorkflowError())
	})
	require.Len(t, want, 7)
	for message, place := range want {
		assert.Equal(t, place, lines[message]["caller"], message)
	}
	assert.Equal(t, "value", lines["workflow"]["Key"])
	assert.EqualValues(t, 1, lines["workflow with"]["More"])
	assert.Equal(t, "bad", lines["workflow with"]["Error"])
}

func TestTheSDKsOwnLinesNameTheSDK(t *testing.T) {
	lines := logged(t, &app.Redactor{}, func(logger *zap.Logger) {
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(app.TemporalLogger(logger))
		env := suite.NewTestWorkflowEnvironment()
		waits := func(ctx workflow.Context) error { return workflow.Sleep(ctx, 1e9) }
		env.ExecuteWorkflow(waits)
		require.NoError(t, env.GetWorkflowError())
	})
	require.NotEmpty(t, lines)
	for message, line := range lines {
		assert.Regexp(t, `^(internal|log)/[a-z_]+\.go:\d+$`, line["caller"], message)
		assert.NotContains(t, line["caller"], "logger.go", message)
	}
}

func TestOddKeysAreKept(t *testing.T) {
	lines := logged(t, &app.Redactor{}, func(logger *zap.Logger) {
		app.TemporalLogger(logger).Info("odd", 7, "seven", "alone")
	})
	assert.Equal(t, "seven", lines["odd"]["7"])
	assert.Equal(t, "alone", lines["odd"]["extra"])
}

func TestNoFieldCarriesASecret(t *testing.T) {
	secrets := &app.Redactor{}
	const secret = `s3cr3t-"value"-<0123>`
	secrets.Add(secret)
	type nested struct{ Inner map[string]string }
	var out bytes.Buffer
	for _, format := range []string{"json", "console"} {
		logger, err := app.NewLogger(&out, environment(map[string]string{"OFFBOARD_LOG_FORMAT": format}), secrets)
		require.NoError(t, err)
		child := logger.With(zap.String("with", secret)).Named("n")
		child.Info("message "+secret, zap.String("s", secret), zap.Any("any", nested{map[string]string{"k": secret}}),
			zap.Error(fmt.Errorf("wrapped: %w", errors.New(secret))), zap.ByteString("b", []byte(secret)),
			zap.Stringer("stringer", app.NewSecret("env:X", nil, nil)), zap.String("header", "Bearer abcdef0123456789"))
		sdklog.With(app.TemporalLogger(logger), "k", secret).Error(secret, "v", secret)
	}
	text := out.String()
	assert.Contains(t, text, app.Redacted)
	assert.Contains(t, text, "env:X")
	for _, part := range []string{"s3cr3t", "abcdef0123456789"} {
		assert.NotContains(t, text, part)
	}
}

func TestWrongLogSettings(t *testing.T) {
	_, err := app.NewLogger(&bytes.Buffer{}, environment(map[string]string{"OFFBOARD_LOG_LEVEL": "loud"}), &app.Redactor{})
	assert.ErrorContains(t, err, `OFFBOARD_LOG_LEVEL is "loud"`)
	_, err = app.NewLogger(&bytes.Buffer{}, environment(map[string]string{"OFFBOARD_LOG_FORMAT": "xml"}), &app.Redactor{})
	assert.ErrorContains(t, err, `OFFBOARD_LOG_FORMAT is "xml"`)
}

package app_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"offboard/internal/app"
)

func TestAWorkerIsBuiltWithoutContactingAnybody(t *testing.T) {
	config, err := app.LoadConfig("testdata/complete.yaml", environment(settings()))
	require.NoError(t, err)
	lazy, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	require.NoError(t, err)
	defer lazy.Close()
	for name, c := range map[string]client.Client{"the SDK's client": lazy, "ours": &app.Connection{Client: lazy}} {
		w, err := app.NewWorker(c, config, zap.NewNop())
		require.NoError(t, err, name)
		assert.NotNil(t, w, name)
	}
	assert.NotEmpty(t, app.Version())
}

func TestAWorkerThatCannotReachTemporalSaysSo(t *testing.T) {
	config, err := app.LoadConfig("testdata/complete.yaml", environment(settings()))
	require.NoError(t, err)
	lazy, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	require.NoError(t, err)
	defer lazy.Close()
	w, err := app.NewWorker(lazy, config, zap.NewNop())
	require.NoError(t, err)
	assert.ErrorContains(t, w.Run(t.Context()), "start the worker")
}

package app

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/workflow"
)

func TestHealth(t *testing.T) {
	c := mocks.NewClient(t)
	c.On("CheckHealth", mock.Anything, mock.Anything).Return(&client.CheckHealthResponse{}, nil).Once()
	c.On("CheckHealth", mock.Anything, mock.Anything).Return(nil, errors.New("down"))
	p := &polling{client: c}
	h := newHealth("", p, http.NotFoundHandler())
	ask := func(path string) int {
		w := httptest.NewRecorder()
		h.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	assert.Equal(t, 200, ask("/livez"))
	assert.Equal(t, 503, ask("/readyz"), "the worker does not poll yet")
	p.ready.Store(true)
	assert.Equal(t, 200, ask("/readyz"))
	assert.Equal(t, 503, ask("/readyz"), "Temporal is down")
	assert.Equal(t, 404, ask("/"))
}

func TestHealthOnATakenAddress(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	address := server.Listener.Addr().String()
	assert.ErrorContains(t, newHealth(address, nil, nil).start(), address)
	h := newHealth("127.0.0.1:0", http.NotFoundHandler(), http.NotFoundHandler())
	require.NoError(t, h.start())
	h.stop()
}

func TestWorkerOptions(t *testing.T) {
	w := &Worker{failed: make(chan error, 1), drain: DefaultWorker().Drain.Std()}
	o := w.options(Config{Worker: DefaultWorker()})
	assert.True(t, o.DisableRegistrationAliasing)
	assert.Equal(t, DefaultWorker().Drain.Std(), o.WorkerStopTimeout)
	assert.Len(t, o.Interceptors, 1)
	assert.False(t, o.DeploymentOptions.UseVersioning, "not versioned unless both names are given")
	o.OnFatalError(errors.New("first"))
	o.OnFatalError(errors.New("second"))
	assert.EqualError(t, <-w.failed, "first")

	o = w.options(Config{Worker: DefaultWorker(), Deployment: Deployment{Name: "offboard", BuildID: "b1"}})
	assert.True(t, o.DeploymentOptions.UseVersioning)
	assert.Equal(t, "b1", o.DeploymentOptions.Version.BuildID)
	assert.Equal(t, workflow.VersioningBehaviorAutoUpgrade, o.DeploymentOptions.DefaultVersioningBehavior)
}

package temporalite

import (
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestFatalEntryIsAnErrorNotAnExit(t *testing.T) {
	cause := errors.New("no memory")
	core, entries := observer.New(zap.ErrorLevel)
	for name, base := range map[string]*zap.Logger{"no log": zap.NewNop(), "errors only": zap.New(core)} {
		t.Run(name, func(t *testing.T) {
			l := newLogging(base)
			ended, survived := make(chan struct{}), false
			go func() {
				defer close(ended)
				l.Fatal("cannot go on", zap.Error(cause))
				survived = true
			}()
			<-ended
			assert.False(t, survived, "nothing after a fatal entry may run")
			require.ErrorIs(t, <-l.failed, cause)
		})
	}
	assert.Equal(t, 1, entries.FilterMessage("cannot go on").Len())
}

// TestLostPortFailsTheStart takes a port in the instant between reservation and
// bind, where the server by itself would exit the process.
func TestLostPortFailsTheStart(t *testing.T) {
	for _, service := range []string{"frontend", "http", "history", "matching", "worker"} {
		t.Run(service, func(t *testing.T) {
			o, err := Options{Logger: zap.NewNop(), UIPort: NoUI}.withDefaults()
			require.NoError(t, err)
			s := &Server{options: o, log: newLogging(o.Logger)}
			s.store, err = openStore(t.Context(), o)
			require.NoError(t, err)
			require.NoError(t, s.store.ensureNamespace(t.Context(), o))
			var r reservation
			s.ports, err = r.reserve(o)
			require.NoError(t, err)
			r.release()

			lost := map[string]int{
				"frontend": s.ports.frontend, "http": s.ports.http, "history": s.ports.history,
				"matching": s.ports.matching, "worker": s.ports.worker,
			}[service]
			thief, err := net.Listen("tcp", join(loopback, lost))
			require.NoError(t, err)
			t.Cleanup(func() { _ = thief.Close() })

			begun := time.Now()
			err = s.startTemporal(t.Context())
			require.ErrorContains(t, err, strconv.Itoa(lost))
			assert.Less(t, time.Since(begun), 10*time.Second)
			t.Log(err)
			_ = s.Stop() // may repeat the failure
		})
	}
}

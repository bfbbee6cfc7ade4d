package notify

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

// timed is a sender that takes everything and notes how long it may take.
type timed struct{ ends []time.Time }

func (s *timed) send(ctx context.Context, _ message) *offboard.Error {
	end, _ := ctx.Deadline()
	s.ends = append(s.ends, end)
	return nil
}

func TestTheErrorComesWhileSomebodyStillListens(t *testing.T) {
	s := &timed{}
	n := &Notifier{channels: []*channel{{sender: s, tries: Tries{Most: 1, Each: 24 * time.Hour}}}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	require.NoError(t, n.Notify(ctx, offboard.Notice{ID: "1"}))
	require.NoError(t, n.Notify(t.Context(), offboard.Notice{ID: "2"}))
	end, _ := ctx.Deadline()
	require.Len(t, s.ends, 2)
	assert.WithinRange(t, s.ends[0], end.Add(-3*time.Minute-time.Second), end.Add(-2*time.Minute))
	assert.True(t, s.ends[1].After(end), "without a deadline only the try's own counts")
}

package ibmcloud

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"offboard/internal/offboard"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Whenever requests come, and whatever 429s do to the pace, no ten seconds hold more of them than allowed, the first come
// is served first, and nobody is told to wait in here for longer than the queue is.
func TestNoWindowHoldsMoreRequestsThanAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &pace{full: rapid.IntRange(1, 40).Draw(t, "full")}
		now := noon
		var sent, looks []time.Time
		for range rapid.IntRange(1, 400).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 800).Draw(t, "pause")) * time.Millisecond)
			if rapid.IntRange(0, 60).Draw(t, "refused") == 0 {
				p.refused(now, time.Duration(rapid.IntRange(0, 3).Draw(t, "after"))*time.Second)
			}
			look := rapid.Bool().Draw(t, "look")
			wait, err := p.reserve(now, look)
			if err != nil {
				require.Equal(t, offboard.RateLimited, offboard.CodeOf(err))
				continue
			}
			require.LessOrEqual(t, wait, longestQueue)
			sent = append(sent, now.Add(wait))
			if look {
				require.Zero(t, wait, "a look does not wait in here")
				looks = append(looks, now)
			}
		}
		require.True(t, slices.IsSortedFunc(sent, time.Time.Compare))
		for i := p.full; i < len(sent); i++ {
			require.GreaterOrEqual(t, sent[i].Sub(sent[i-p.full]), paceWindow)
		}
		for part, i := max(1, p.full/2), max(1, p.full/2); i < len(looks); i++ {
			require.GreaterOrEqual(t, looks[i].Sub(looks[i-part]), paceWindow)
		}
	})
}

func TestNobodyWaitsBelowTheLimit(t *testing.T) {
	p := &pace{full: 190}
	for range 190 {
		wait, err := p.reserve(noon, false)
		require.NoError(t, err)
		require.Zero(t, wait)
	}
	wait, err := p.reserve(noon, false)
	require.NoError(t, err)
	assert.Equal(t, paceWindow, wait)
}

// While there is always work, as many requests are sent as may be.
func TestTheWholeAllowanceIsUsed(t *testing.T) {
	p := &pace{full: 190}
	now, sent := noon, 0
	for now.Before(noon.Add(10 * time.Minute)) {
		if wait, err := p.reserve(now, false); err == nil && !now.Add(wait).After(noon.Add(10*time.Minute)) {
			sent++
			continue
		}
		now = now.Add(100 * time.Millisecond)
	}
	assert.GreaterOrEqual(t, sent, 190*int(10*time.Minute/paceWindow))
}

func TestARefusalHalvesThePaceWhichGrowsAgain(t *testing.T) {
	p := &pace{full: 200}
	p.refused(noon, 2*time.Second)
	p.refused(noon.Add(time.Millisecond), 0) // of the same moment
	assert.Equal(t, 100, p.room(noon))
	wait, err := p.reserve(noon, false)
	require.NoError(t, err)
	assert.Equal(t, 2*time.Second, wait, "as the service asks")
	assert.Equal(t, 150, p.room(noon.Add(5*time.Second)))
	assert.Equal(t, 200, p.room(noon.Add(time.Minute)))
	for i := range 20 {
		p.refused(noon.Add(time.Hour+time.Duration(i)*time.Second), 0)
	}
	assert.GreaterOrEqual(t, p.room(noon.Add(time.Hour+20*time.Second)), 25, "never to a standstill")
}

func TestWhoWouldWaitTooLongIsToldWhenToComeAgain(t *testing.T) {
	p := &pace{full: 1}
	for range 2 {
		_, err := p.reserve(noon, false)
		require.NoError(t, err)
	}
	_, err := p.reserve(noon, false)
	refused, ok := err.(*offboard.Error)
	require.True(t, ok)
	assert.Equal(t, offboard.RateLimited, refused.Code)
	assert.Equal(t, 2*paceWindow, refused.RetryAfter)
	assert.False(t, refused.Ambiguous)
}

func TestATurnIsWaitedForNoLongerThanTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{full: 1}
		require.NoError(t, p.turn(t.Context(), false))
		began := time.Now()
		require.NoError(t, p.turn(t.Context(), false))
		assert.Equal(t, paceWindow, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.turn(ctx, false), ctx.Err())
		unbounded := &pace{}
		for range 1000 {
			require.NoError(t, unbounded.turn(t.Context(), true))
		}
	})
}

// However many look, the others have at least half of the pace, and those that are put off come again one after another.
func TestLooksLeaveRoomForOthers(t *testing.T) {
	p := &pace{full: 30}
	for range 15 { // half of the pace is anybody's
		wait, err := p.reserve(noon, true)
		require.NoError(t, err)
		require.Zero(t, wait)
	}
	var put []time.Duration
	for range 3 {
		_, err := p.reserve(noon, true)
		refused, ok := err.(*offboard.Error)
		require.True(t, ok)
		put = append(put, refused.RetryAfter)
	}
	assert.Equal(t, []time.Duration{paceWindow, paceWindow * 11 / 10, paceWindow * 12 / 10}, put)
	for range 15 {
		wait, err := p.reserve(noon, false)
		require.NoError(t, err)
		require.Zero(t, wait)
	}
}

package share_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/share"
)

// Whoever asks while a read runs gets the next one, which is one for all of them.
func TestEverybodyGetsAReadThatBeganAfterTheyAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads share.Reads[time.Time]
		var count atomic.Int64
		read := func(context.Context) (time.Time, error) {
			count.Add(1)
			begun := time.Now()
			time.Sleep(time.Second)
			return begun, nil
		}
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 90 * time.Millisecond)
				asked := time.Now()
				begun, err := reads.Get(t.Context(), "k", read)
				assert.NoError(t, err)
				assert.False(t, begun.Before(asked), "asked at %s, read from %s", asked, begun)
				assert.LessOrEqual(t, time.Since(asked), 2*time.Second, "no longer than the one that runs and the next")
			})
		}
		all.Wait()
		assert.EqualValues(t, 6, count.Load(), "4.41 s of questions, a read a second, and the last one")
		_, err := reads.Get(t.Context(), "k", read)
		require.NoError(t, err)
		assert.EqualValues(t, 7, count.Load(), "nothing is kept")
	})
}

func TestOtherKeysDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads share.Reads[string]
		begun := time.Now()
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				key := fmt.Sprint(i)
				got, err := reads.Get(t.Context(), key, func(context.Context) (string, error) { time.Sleep(time.Second); return key, nil })
				assert.NoError(t, err)
				assert.Equal(t, key, got)
			})
		}
		all.Wait()
		assert.Equal(t, time.Second, time.Since(begun))
	})
}

func TestOneWhoLeavesDoesNotEndTheReadOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads share.Reads[int]
		read := func(ctx context.Context) (int, error) {
			select {
			case <-ctx.Done():
				return 0, errors.New("broken off")
			case <-time.After(time.Second):
				return 7, nil
			}
		}
		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { // has the read begun
			_, err := reads.Get(impatient, "k", read)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		for _, ctx := range []context.Context{impatient, t.Context()} { // the next one, which one of two leaves
			all.Go(func() {
				got, err := reads.Get(ctx, "k", read)
				if ctx == impatient {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					return
				}
				assert.NoError(t, err)
				assert.Equal(t, 7, got)
			})
		}
		begun := time.Now()
		all.Wait()
		assert.Equal(t, 1100*time.Millisecond, time.Since(begun), "the first read was broken off when nobody wanted it any more")
	})
}

// A read that all who waited for it have left does not begin.
func TestAReadThatNobodyWantsDoesNotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads share.Reads[int]
		var count atomic.Int64
		read := func(context.Context) (int, error) { count.Add(1); time.Sleep(time.Second); return 0, nil }
		var all sync.WaitGroup
		all.Go(func() { _, _ = reads.Get(t.Context(), "k", read) })
		synctest.Wait()
		leaves, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := reads.Get(leaves, "k", read)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		all.Wait()
		synctest.Wait()
		assert.EqualValues(t, 1, count.Load())
	})
}

func TestAnErrorAndAPanicAreShared(t *testing.T) {
	var reads share.Reads[int]
	wrong := errors.New("wrong")
	_, err := reads.Get(t.Context(), "k", func(context.Context) (int, error) { return 0, wrong })
	assert.ErrorIs(t, err, wrong)
	assert.PanicsWithValue(t, "no", func() {
		_, _ = reads.Get(t.Context(), "k", func(context.Context) (int, error) { panic("no") })
	}, "it is the caller's to recover from, as if the read were its own")
	got, err := reads.Get(t.Context(), "k", func(context.Context) (int, error) { return 7, nil })
	require.NoError(t, err)
	assert.Equal(t, 7, got)
}

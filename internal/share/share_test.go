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

// What a crowd has read is good enough for who asks for something recent, and for nobody else.
func TestWhoeverWantsSomethingRecentGetsWhatACrowdHasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const age, crowd = 10 * time.Second, 3
		var reads share.Reads[int]
		n := 0
		read := func(context.Context) (int, error) {
			time.Sleep(time.Second)
			n++
			return n, nil
		}
		together := func(people int, age time.Duration) {
			var all sync.WaitGroup
			for range people {
				all.Go(func() {
					_, err := reads.Recent(t.Context(), "k", age, read)
					assert.NoError(t, err)
				})
			}
			all.Wait()
		}
		get := func(age time.Duration) int {
			got, err := reads.Recent(t.Context(), "k", age, read)
			require.NoError(t, err)
			return got
		}
		for want := 1; want <= crowd; want++ {
			require.Equal(t, want, get(age), "whoever comes alone reads for itself")
		}
		require.Equal(t, crowd, get(age), "what the third read is good enough for the fourth")
		require.Equal(t, crowd+1, get(0), "who needs a read of their own gets it")
		require.Equal(t, crowd, get(age), "which nobody else asked for")
		time.Sleep(8*time.Second + time.Millisecond) // with two reads, it began ten ago
		require.Equal(t, crowd+2, get(age), "too old, and the crowd has gone")
		require.Equal(t, crowd+3, get(age))

		time.Sleep(age)
		together(5, age) // one reads, and then the other four together
		require.Equal(t, crowd+5, get(age))
	})
}

// What fails is never kept, and nothing is kept for longer than anybody may use it.
func TestFailuresAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads share.Reads[int]
		refused := errors.New("refused")
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				_, err := reads.Recent(t.Context(), "k", time.Minute, func(context.Context) (int, error) { time.Sleep(time.Second); return 0, refused })
				assert.ErrorIs(t, err, refused)
			})
		}
		all.Wait()
		got, err := reads.Recent(t.Context(), "k", time.Minute, func(context.Context) (int, error) { return 1, nil })
		require.NoError(t, err)
		require.Equal(t, 1, got)
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

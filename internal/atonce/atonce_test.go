package atonce_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/atonce"
)

func TestDo(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	begun, told := make(chan struct{}), make(chan struct{})
	err := atonce.Do(
		func() error { <-begun; close(told); return first }, // ends after the other has begun: they run at the same time
		func() error { close(begun); return second },
		func() error { <-told; return nil },
	)
	assert.ErrorIs(t, err, first, "in the order of the steps, whichever failed earlier")
	require.NoError(t, atonce.Do())
	require.NoError(t, atonce.Do(func() error { return nil }))
}

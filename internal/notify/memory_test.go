package notify

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAMemoryForgetsTheOldest(t *testing.T) {
	var m memory
	for i := range remembered + 10 {
		m.add(strconv.Itoa(i))
		m.add(strconv.Itoa(i)) // again is no second entry
	}
	assert.Len(t, m.known, remembered)
	assert.Len(t, m.order, remembered)
	assert.False(t, m.has("9"))
	assert.True(t, m.has("10"))
	assert.True(t, m.has(strconv.Itoa(remembered+9)))
}

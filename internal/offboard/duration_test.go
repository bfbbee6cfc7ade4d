package offboard_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"offboard/internal/offboard"
)

func TestDurationIsReadAndWritten(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		in   string
		want time.Duration
		out  string
	}{
		{"7d", 7 * day, "7d"},
		{"36h", 36 * time.Hour, "1d12h"},
		{"1d12h", 36 * time.Hour, "1d12h"},
		{"90m", 90 * time.Minute, "1h30m"},
		{" 24h ", day, "1d"},
		{"1.5d", 36 * time.Hour, "1d12h"},
		{"0s", 0, "0s"},
		{"10m", 10 * time.Minute, "10m"},
		{"1h0m1s", time.Hour + time.Second, "1h0m1s"},
		{"1d500ms", day + time.Second/2, "1d500ms"},
		{"-90m", -90 * time.Minute, "-1h30m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := offboard.ParseDuration(tt.in)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.Std())
			assert.Equal(t, tt.out, got.String())
		})
	}
}

func TestDurationRefusesWhatIsNone(t *testing.T) {
	for _, in := range []string{"", "d", "7", "24", "1d1d", "12h1d", "one day", "40000d", "1w", "36500d2562047h", "1d-5h", "-1d"} {
		t.Run(in, func(t *testing.T) {
			_, err := offboard.ParseDuration(in)
			require.ErrorContains(t, err, "is not a duration")
		})
	}
}

func TestDurationInJSONIsText(t *testing.T) {
	var d offboard.Duration
	require.NoError(t, json.Unmarshal([]byte(`"1d12h"`), &d))
	assert.Equal(t, 36*time.Hour, d.Std())
	require.ErrorContains(t, json.Unmarshal([]byte(`24`), &d), `not 24`)
	require.ErrorContains(t, json.Unmarshal([]byte(`"soon"`), &d), `"soon" is not a duration`)
}

// What is written can be read again, whatever it is: requests and policies are recorded in histories as text.
func TestDurationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := int64(36500 * 24 * time.Hour)
		d := offboard.Duration(rapid.OneOf(
			rapid.Int64Range(0, limit),
			rapid.Map(rapid.Int64Range(0, 36500), func(n int64) int64 { return n * int64(24*time.Hour) }),
			rapid.Map(rapid.Int64Range(0, 36500*24*60), func(n int64) int64 { return n * int64(time.Minute) }),
			rapid.Int64Range(math.MinInt64, 0),
		).Draw(t, "duration"))
		data, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back offboard.Duration
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatalf("%d is written as %s: %v", int64(d), data, err)
		}
		if back != d {
			t.Fatalf("%d is written as %s and read as %d", int64(d), data, int64(back))
		}
	})
}

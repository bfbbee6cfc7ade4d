package offboard

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written as text: Go's syntax plus `d` for days of 24 hours, as in "36h", "7d" or
// "1d12h".
type Duration time.Duration

var days = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)d`)

// ParseDuration reads Go's syntax plus `d` for days, which stands first.
func ParseDuration(s string) (Duration, error) {
	text := strings.TrimSpace(s)
	var total time.Duration
	if m := days.FindStringSubmatch(text); m != nil {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil || n > 36500 {
			return 0, fmt.Errorf("%q is not a duration: more than a hundred years", s)
		}
		total = time.Duration(n * 24 * float64(time.Hour))
		text = text[len(m[0]):]
		if text == "" {
			return Duration(total), nil
		}
	}
	rest, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration: write it like \"90m\", \"24h\" or \"7d\"", s)
	}
	if total > 0 && (rest < 0 || total+rest < total) {
		return 0, fmt.Errorf("%q is not a duration: the parts do not add up", s)
	}
	return Duration(total + rest), nil
}

// String writes whole days as days and drops zero units: "7d", "1d12h", "90m" becomes "1h30m".
func (d Duration) String() string {
	t := time.Duration(d)
	if t < 0 {
		return t.String() // nobody means it; so it can at least be read again
	}
	n := t / (24 * time.Hour)
	rest := t % (24 * time.Hour)
	text := rest.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	switch {
	case n == 0:
		return text
	case rest == 0:
		return fmt.Sprintf("%dd", n)
	}
	return fmt.Sprintf("%dd%s", n, text)
}

// Std is the same time as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON implements json.Unmarshaler; it takes text only.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a duration is text like \"24h\" or \"7d\", not %s", data)
	}
	parsed, err := ParseDuration(text)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

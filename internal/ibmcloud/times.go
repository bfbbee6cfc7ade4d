package ibmcloud

import "time"

// instant is a time as the SDK decodes it; an empty string there has become 1970, which means none (trap 60).
func instant(t time.Time) time.Time {
	if t.Unix() <= 0 {
		return time.Time{}
	}
	return t.UTC()
}

// parseInstant reads a time that the SDK leaves as text; zero if it is in none of the forms IBM writes.
func parseInstant(s string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return instant(t)
		}
	}
	return time.Time{}
}

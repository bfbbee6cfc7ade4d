package ibmcloud

import (
	"net/url"

	"offboard/internal/offboard"
)

// mostPages ends a list that does not end by itself. A hundred thousand entries are far above every documented limit.
const mostPages = 1000

// pages calls read with the token of each page, the first being empty, until there is no next one. A token that comes
// again means a list that would never end.
func pages(o op, read func(token string) (next string, err error)) error {
	token, seen := "", map[string]bool{}
	for range mostPages {
		next, err := read(token)
		if err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		if seen[next] {
			return offboard.Errorf(offboard.Unavailable, o.text, "the list came back to a page that was read before")
		}
		seen[next] = true
		token = next
	}
	return offboard.Errorf(offboard.Unavailable, o.text, "the list has not ended after %d pages", mostPages)
}

// nextToken takes a parameter out of the URL of the next page; empty on the last page (trap 9). A URL without the
// parameter is an error: stopping there would lose pages in silence.
func nextToken(o op, next *string, parameter string) (string, error) {
	if value(next) == "" {
		return "", nil
	}
	u, err := url.Parse(*next)
	if err != nil || u.Query().Get(parameter) == "" {
		return "", offboard.Errorf(offboard.Unavailable, o.text, "the address of the next page has no %s", parameter)
	}
	return u.Query().Get(parameter), nil
}

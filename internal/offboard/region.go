package offboard

import "strings"

// aliases are the old names that classic clusters may still show, by modern name (trap 38). Source: IBM's
// regions-and-zones pages; the last two rows stand in one table of the classic documentation only.
var aliases = map[string]string{
	"ap-south":   "au-syd",
	"eu-central": "eu-de",
	"uk-south":   "eu-gb",
	"ap-north":   "jp-tok",
	"uk-lon":     "eu-gb",
	"de-fra":     "eu-de",
}

// Region gives the modern name of a region, whatever spelling it comes in; unknown names are returned lower-cased.
func Region(name string) string {
	lower := strings.ToLower(strings.TrimSpace(name))
	if modern, ok := aliases[lower]; ok {
		return modern
	}
	return lower
}

package app

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// Redactor knows the values of all secrets that were read so far and takes them out of texts. It is safe for
// concurrent use, and its zero value is ready.
type Redactor struct {
	mu     sync.RWMutex
	values []string // longest first, so that a secret that contains another goes as a whole
}

// shortest is the length below which a value is not taken for a secret: replacing it everywhere would destroy texts and
// protect nothing, as no key or token is that short.
const shortest = 6

// tokens finds credentials by their form, which covers those that never were in the configuration: access tokens.
var tokens = regexp.MustCompile(`((?i:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`)

// Add makes a value a secret from now on.
func (r *Redactor) Add(value string) {
	if len(value) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, form := range forms(value) {
		if !slices.Contains(r.values, form) {
			r.values = append(r.values, form)
		}
	}
	slices.SortFunc(r.values, func(a, b string) int { return len(b) - len(a) })
}

// forms are the ways a value is written: as it is, and as it stands inside a JSON text, with and without HTML escapes.
func forms(value string) []string {
	list := []string{value}
	if quoted, err := json.Marshal(value); err == nil {
		list = append(list, string(quoted[1:len(quoted)-1]))
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(value) == nil {
		plain := strings.TrimSuffix(b.String(), "\n")
		list = append(list, plain[1:len(plain)-1])
	}
	return list
}

// Text takes all known secrets and everything that looks like a token out of a text.
func (r *Redactor) Text(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, v := range r.values {
		s = strings.ReplaceAll(s, v, Redacted)
	}
	return tokens.ReplaceAllString(s, "${1}"+Redacted)
}

package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

const (
	keySize = 32 // AES-256
	// Temporal takes 400 bytes of summary, and the ID is a part of each encrypted one.
	longestID = 32
)

var keyID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Key is an AES-256 key with its ID. Printing a Key in any way shows the ID only.
//
// One key may encrypt 2^32 payloads, after which two might get the same nonce.
type Key struct {
	id   string
	aead cipher.AEAD
	sum  [sha256.Size]byte // to tell whether two are the same
}

// NewKey reads a key of 32 random bytes in base64, as "openssl rand -base64 32" prints it. The ID is what payloads name
// it by: letters, digits, dots, hyphens and underscores, at most 32. The error never shows the key.
func NewKey(id, value string) (Key, error) {
	if err := CheckID(id); err != nil {
		return Key{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return Key{}, errors.New("the key is not base64: make one with openssl rand -base64 32")
	}
	if len(raw) != keySize {
		return Key{}, fmt.Errorf("the key has %d bytes and must have %d: make one with openssl rand -base64 32", len(raw), keySize)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return Key{}, fmt.Errorf("make the cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return Key{}, fmt.Errorf("make the cipher: %w", err)
	}
	return Key{id: id, aead: aead, sum: sha256.Sum256(raw)}, nil
}

// CheckID tells whether a text can be the ID of a key.
func CheckID(id string) error {
	switch {
	case id == "":
		return errors.New("the key has no ID")
	case len(id) > longestID:
		return fmt.Errorf("the key's ID has %d characters: it may have %d", len(id), longestID)
	case !keyID.MatchString(id):
		return fmt.Errorf("the key's ID %q must be letters, digits, dots, hyphens and underscores", id)
	}
	return nil
}

// ID is what payloads name the key by.
func (k Key) ID() string { return k.id }

// Format implements fmt.Formatter: whatever is asked for, it is the ID.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.id) }

// Keyset is the keys of a program. It is safe for concurrent use.
type Keyset struct {
	current atomic.Pointer[ring]
	missed  func(id string)
}

// ring is a Keyset at one moment; it is never changed.
type ring struct {
	keys []Key
	byID map[string]Key
}

// NewKeyset makes a Keyset. The first key encrypts, all decrypt. missed, which may be nil, is told of each payload whose
// key there is not; it is called where payloads are read and must return at once.
func NewKeyset(missed func(id string), keys ...Key) (*Keyset, error) {
	s := &Keyset{missed: missed}
	if _, err := s.Replace(keys...); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace puts other keys in the place of those there are, and tells whether anything is different. It changes nothing
// if it returns an error: for no key at all, an ID or a key that is given twice, and a key that has another value under
// an ID it had before, with which older payloads could not be read any more.
func (s *Keyset) Replace(keys ...Key) (changed bool, err error) {
	next, err := newRing(keys)
	if err != nil {
		return false, err
	}
	now := s.current.Load()
	if now == nil {
		s.current.Store(next)
		return true, nil
	}
	var problems []string
	for _, k := range keys {
		if old, had := now.byID[k.id]; had && old.sum != k.sum {
			problems = append(problems, fmt.Sprintf("the key %s has another value than before: give a new key a new ID", k.id))
		}
	}
	if len(problems) > 0 {
		return false, errors.New(strings.Join(problems, "; "))
	}
	if slices.EqualFunc(now.keys, keys, func(a, b Key) bool { return a.id == b.id }) {
		return false, nil
	}
	s.current.Store(next)
	return true, nil
}

func newRing(keys []Key) (*ring, error) {
	if len(keys) == 0 {
		return nil, errors.New("there is no key to encrypt with")
	}
	r := &ring{keys: slices.Clone(keys), byID: make(map[string]Key, len(keys))}
	bySum := map[[sha256.Size]byte]string{}
	var problems []string
	for _, k := range keys {
		if k.aead == nil {
			return nil, errors.New("a key was not made with NewKey")
		}
		if _, twice := r.byID[k.id]; twice {
			problems = append(problems, fmt.Sprintf("there are two keys with the ID %s", k.id))
		} else if other, same := bySum[k.sum]; same {
			problems = append(problems, fmt.Sprintf("the keys %s and %s are the same key", other, k.id))
		}
		r.byID[k.id], bySum[k.sum] = k, k.id
	}
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	return r, nil
}

// IDs are the IDs of the keys, the one that encrypts first and the others by name.
func (s *Keyset) IDs() []string {
	r := s.current.Load()
	first := r.keys[0].id
	list := []string{first}
	for _, id := range slices.Sorted(maps.Keys(r.byID)) {
		if id != first {
			list = append(list, id)
		}
	}
	return list
}

func (s *Keyset) first() Key { return s.current.Load().keys[0] }

func (s *Keyset) find(id string) (Key, bool) {
	k, known := s.current.Load().byID[id]
	if !known && s.missed != nil {
		s.missed(id)
	}
	return k, known
}

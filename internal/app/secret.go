package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Secret is a reference to a secret value. It never holds the value: Read fetches it at each use, so a rotated key is
// picked up without a restart, and printing a Secret in any way shows the reference.
type Secret struct {
	ref  string
	read func(context.Context) (string, error)
	seen *Redactor
}

// NewSecret makes a secret from a function; ref names it to people. Every value read is added to seen, which may be nil.
func NewSecret(ref string, seen *Redactor, read func(context.Context) (string, error)) Secret {
	return Secret{ref: ref, read: read, seen: seen}
}

// String is the reference: "env:NAME", "file:PATH" or "secrets-manager:CRN".
func (s Secret) String() string { return s.ref }

// IsZero tells whether nothing is referred to.
func (s Secret) IsZero() bool { return s.read == nil }

// Read fetches the value. The error names the reference, never the value.
func (s Secret) Read(ctx context.Context) (string, error) {
	if s.read == nil {
		return "", errors.New("no secret is configured")
	}
	value, err := s.read(ctx)
	if err != nil {
		return "", fmt.Errorf("read secret %s: %w", s.ref, err)
	}
	value = strings.TrimSpace(value)
	if value == "" {
		return "", fmt.Errorf("read secret %s: it is empty", s.ref)
	}
	if s.seen != nil {
		s.seen.Add(value)
	}
	return value, nil
}

func fromEnv(name string, env func(string) string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		value := env(name)
		if strings.TrimSpace(value) == "" {
			return "", errors.New("the environment variable is not set")
		}
		return value, nil
	}
}

func fromFile(path string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		return string(data), nil
	}
}

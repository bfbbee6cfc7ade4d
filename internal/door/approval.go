package door

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"time"

	"offboard/internal/offboard"
)

// ParseApprovalKey reads the private key by which a door vouches for operators who approve: PEM of PKCS #8, as
// `openssl genpkey -algorithm ed25519` writes it, or base64 of the 32 bytes of an ed25519 seed. The error does not hold the
// value.
func ParseApprovalKey(text string) (ed25519.PrivateKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		key, yes := parsed.(ed25519.PrivateKey)
		if err != nil || !yes {
			return nil, errors.New("is PEM, but not of an ed25519 private key in PKCS #8")
		}
		return key, nil
	}
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("is no ed25519 private key: it must be PEM of PKCS #8, or base64 of a seed of 32 bytes")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// ApproverKey is the public half of such a key in the form of policy.approverKeys. It is no secret.
func ApproverKey(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(key[ed25519.SeedSize:])
}

// prove vouches for an operator whose token was checked; empty where the door has no key to vouch with.
func (d *Door) prove(ctx context.Context, claim offboard.ApprovalClaim) (string, error) {
	if d.config.ApprovalKey == nil {
		return "", nil
	}
	text, err := d.config.ApprovalKey(ctx)
	if err != nil {
		return "", unreadable(err)
	}
	key, err := ParseApprovalKey(text)
	if err != nil {
		return "", unreadable(err)
	}
	return claim.Prove(key), nil
}

// unreadable says that a secret of the door's own cannot be used.
func unreadable(err error) error {
	return &Away{After: time.Minute, Why: "the door cannot use one of its own secrets", Cause: err}
}

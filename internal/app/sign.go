package app

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"offboard/internal/offboard"
)

const signaturePrefix = "ed25519:"

// Signer signs reports with an Ed25519 key. Its zero value signs nothing.
type Signer struct{ key Secret }

// NewSigner signs with the key that a secret holds: PKCS#8 in PEM. It is read at each signature, so a replaced key is
// picked up without a restart.
func NewSigner(key Secret) Signer { return Signer{key: key} }

// IsZero tells whether nothing is signed.
func (s Signer) IsZero() bool { return s.key.IsZero() }

// Sign puts a signature into a sealed report; without a key it returns the report as it is.
func (s Signer) Sign(ctx context.Context, report offboard.Report) (offboard.Report, error) {
	if s.key.IsZero() || report.Seal == nil {
		return report, nil
	}
	key, err := s.private(ctx)
	if err != nil {
		return report, err
	}
	seal := *report.Seal
	seal.PublicKey = publicText(key.Public().(ed25519.PublicKey))
	seal.Signature = signaturePrefix + base64.StdEncoding.EncodeToString(ed25519.Sign(key, offboard.SealText(seal.Hash)))
	report.Seal = &seal
	return report, nil
}

// PublicKey is what others verify signatures with: "ed25519:" and base64.
func (s Signer) PublicKey(ctx context.Context) (string, error) {
	key, err := s.private(ctx)
	if err != nil {
		return "", err
	}
	return publicText(key.Public().(ed25519.PublicKey)), nil
}

func (s Signer) private(ctx context.Context) (ed25519.PrivateKey, error) {
	text, err := s.key.Read(ctx)
	if err != nil {
		return nil, err
	}
	// What the parser says is left out: it may quote what it read.
	wrong := fmt.Errorf("%s holds no Ed25519 key in PKCS#8 and PEM: make one with openssl genpkey -algorithm ed25519", s.key)
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, wrong
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, wrong
	}
	key, is := parsed.(ed25519.PrivateKey)
	if !is {
		return nil, wrong
	}
	return key, nil
}

func publicText(key ed25519.PublicKey) string {
	return signaturePrefix + base64.StdEncoding.EncodeToString(key)
}

// ParsePublicKey reads a public key as `starter setup` prints it, or as PEM.
func ParsePublicKey(text string) (ed25519.PublicKey, error) {
	text = strings.TrimSpace(text)
	if block, _ := pem.Decode([]byte(text)); block != nil {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read the public key: %w", err)
		}
		key, is := parsed.(ed25519.PublicKey)
		if !is {
			return nil, errors.New("read the public key: it is not an Ed25519 key")
		}
		return key, nil
	}
	data, err := unprefixed(text)
	if err != nil || len(data) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("read the public key: it must be %s and 32 bytes in base64, as starter setup prints it", signaturePrefix)
	}
	return data, nil
}

func unprefixed(text string) ([]byte, error) {
	rest, found := strings.CutPrefix(text, signaturePrefix)
	if !found {
		return nil, fmt.Errorf("it does not begin with %s", signaturePrefix)
	}
	return base64.StdEncoding.DecodeString(rest)
}

package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"os"
	"strings"

	"offboard/activities"
	"offboard/internal/app"
	"offboard/internal/offboard"
)

// verification is what the flags of report --verify say.
type verification struct {
	file, publicKey string
	account         bool
}

func (p *program) verify(ctx context.Context, v verification) error {
	key, err := trustedKey(v.publicKey)
	if err != nil {
		return misuse{err}
	}
	file, err := os.ReadFile(v.file)
	if err != nil {
		return misuse{err}
	}
	report, checks, err := app.VerifyReport(file, key)
	if err != nil {
		return fmt.Errorf("%s: %w", v.file, err)
	}
	if v.account {
		drifted, err := p.drift(ctx, report)
		if err != nil {
			return err
		}
		checks = append(checks, drifted...)
	}
	for _, c := range checks {
		if !c.OK {
			p.outcome = failed
		}
	}
	if p.format == "json" {
		return p.json(checks)
	}
	p.screen.Line("%s, %s, sealed by build %s", report.Progress.Title(), report.Status, report.Seal.Engine)
	p.showChecks(checks)
	return nil
}

// trustedKey is the key itself, or one in a file; nil for none.
func trustedKey(text string) (ed25519.PublicKey, error) {
	if text == "" {
		return nil, nil
	}
	if !strings.HasPrefix(text, "ed25519:") {
		data, err := os.ReadFile(text)
		if err != nil {
			return nil, fmt.Errorf("read the public key: %w", err)
		}
		text = string(data)
	}
	return app.ParsePublicKey(text)
}

// drift asks the account with the worker's configuration.
func drift(ctx context.Context, report offboard.Report, env func(string) string, stderr io.Writer) ([]app.Check, error) {
	config, err := app.LoadConfig("", env)
	if err != nil {
		return nil, misuse{err}
	}
	logger, err := app.NewLogger(stderr, quiet(env), config.Redactor)
	if err != nil {
		return nil, usage("%v", err)
	}
	cloud, err := app.NewCloud(config, logger)
	if err != nil {
		return nil, err
	}
	return app.Drift(ctx, report, activities.Ports{Users: cloud.Users, Keys: cloud.Keys, Clusters: cloud.Clusters}), nil
}

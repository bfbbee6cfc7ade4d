package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"offboard/activities"
)

// Check is one thing that must be true before an offboarding can work.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`           // what was found
	Remedy string `json:"remedy,omitempty"` // what to do, where it is not as it should be
}

// each check asks a few requests at most; a service that needs longer than this is as good as down.
const checkTime = 30 * time.Second

// Checks runs all checks from where the program runs. It changes nothing in the account, in a cluster or in Temporal. A
// check that depends on a failed one is left out, and so is what the configuration does not use.
func Checks(ctx context.Context, env func(string) string, logger *zap.Logger) []Check {
	config, err := LoadConfig("", env)
	list := CheckTemporal(ctx, env, config.Deployment, logger)
	if err != nil {
		return append(list, Check{Name: "configuration", Detail: err.Error(), Remedy: "correct every line above; docs/runbook.md shows a complete file"})
	}
	list = append(list, Check{Name: "configuration", OK: true, Detail: config.File})
	secrets := CheckSecrets(ctx, config)
	list = append(list, secrets...)
	list = append(list, CheckDoors(ctx, config, env)...)
	if config.Reports != "" {
		list = append(list, checkReports(config.Reports))
	}
	if !config.Signer.IsZero() {
		list = append(list, checkSigner(ctx, config.Signer))
	}
	if !secrets[0].OK {
		return list // without the engine's key nothing else can be asked
	}
	cloud, err := NewCloud(config, logger)
	if err != nil {
		return append(list, Check{Name: "IBM Cloud client", Detail: err.Error(), Remedy: "correct the configuration"})
	}
	return append(list, CheckAccount(ctx, config.Account, activities.Ports{
		Users: cloud.Users, Keys: cloud.Keys, Access: cloud.Access, Clusters: cloud.Clusters, Successors: cloud.Successors,
	}, cloud.Access)...)
}

// checkReports tries what the first report would need: a directory that is there or can be made, and a file in it.
func checkReports(dir string) Check {
	check := Check{Name: "reports", Detail: dir}
	if err := writable(dir); err != nil {
		check.Detail = err.Error()
		check.Remedy = "let the worker's user write there, or name another directory under reports.directory"
		return check
	}
	check.OK = true
	return check
}

// checkSigner reads the key and shows its public half, which is what others need to verify a report.
func checkSigner(ctx context.Context, signer Signer) Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	key, err := signer.PublicKey(ctx)
	if err != nil {
		return Check{Name: "key that signs reports", Detail: err.Error(), Remedy: secretRemedy}
	}
	return Check{Name: "key that signs reports", OK: true, Detail: "public key " + key}
}

// writable tells whether a file can be made in a directory, or in the nearest one above it that exists. It leaves nothing.
func writable(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist) && filepath.Dir(dir) != dir:
		return writable(filepath.Dir(dir))
	case err != nil:
		return fmt.Errorf("look at the directory for reports: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	}
	f, err := os.CreateTemp(dir, ".offboard-check-")
	if err != nil {
		return fmt.Errorf("write into the directory for reports: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

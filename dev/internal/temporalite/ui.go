package temporalite

import (
	"context"
	"fmt"
	"net/http"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
)

// startUI serves the Web UI and returns once it answers.
func startUI(ctx context.Context, o Options, p ports) (*uiserver.Server, error) {
	config := &uiconfig.Config{
		TemporalGRPCAddress: join(reachable(o.Host), p.frontend),
		Host:                o.Host,
		Port:                p.ui,
		EnableUI:            true,
		DefaultNamespace:    o.Namespace,
		DisableNewsFetch:    true, // a test must not depend on the Internet, nor tell it anything
		HideLogs:            true,
		Codec:               uiconfig.Codec{Endpoint: o.CodecEndpoint},
		CORS: uiconfig.CORS{
			AllowOrigins: []string{"http://" + join(reachable(o.Host), p.ui), fmt.Sprintf("http://localhost:%d", p.ui)},
			// Without TLS a browser drops the secure CSRF cookie, and with it every
			// signal, update and cancellation sent from the page.
			CookieInsecure: true,
		},
	}
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("configure Web UI: %w", err)
	}
	ui := uiserver.NewServer(server_options.WithConfigProvider(config))
	go func() { _ = ui.Start() }() // only ever returns nil: other errors end the process

	url := "http://" + join(reachable(o.Host), p.ui) + "/healthz"
	err := eventually(ctx, func(ctx context.Context) error { return answers(ctx, url) })
	if err != nil {
		ui.Stop()
		return nil, fmt.Errorf("wait for Web UI: %w", err)
	}
	return ui, nil
}

func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}

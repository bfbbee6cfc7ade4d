package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
)

// pruneFields are the flags of prune and the fields of the input they fill.
var pruneFields = map[string]string{
	"scope": "scopes", "owned-by": "ownedBy", "all": "all", "mode": "mode", "approval": "approval", "soak": "soak",
	"on-failure": "onFailure", "account": "account", "reason": "reason", "ticket": "ticket", "requested-by": "requestedBy",
}

func (p *program) pruneCommand() *cobra.Command {
	var yes bool
	var region, group string
	var t then
	cmd := &cobra.Command{
		Use:   "prune --scope REGION/GROUP | --region R --resource-group G | --owned-by PERSON | --all",
		Short: "Remove superseded cluster keys that are proven unused",
		Long: `Prune disables superseded cluster keys that nothing uses any more, watches the clusters for the soak, and deletes the keys:
with a plan that says of each key why it goes or stays, an approval, and the same undo as an offboarding. A key whose use cannot
be excluded stays, as does every scope's newest key. Nothing is handed over, nothing is restarted and nobody is removed.`,
		Example: `  starter prune --all --mode plan --wait
  starter prune --region eu-de --resource-group shop --requested-by you@acme.example
  starter prune --scope eu-de/shop --scope us-south/data --soak 2d --requested-by you@acme.example --follow
  starter prune --owned-by clusters-1@acme.example --ticket OPS-8`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			values := givenAs(pruneFields, cmd.Flags())
			if err := nameScope(values, region, group); err != nil {
				return err
			}
			data, err := json.Marshal(values)
			if err != nil {
				return fmt.Errorf("write the input: %w", err)
			}
			request, err := offboard.DecodePruneRequest(data)
			if err != nil {
				return err
			}
			if !yes && request.Mode == offboard.ModeExecute {
				if err := p.typeAgain("This retires "+request.String()+" that are proven unused. Type yes to go on:", "yes", request.Approval == offboard.ApprovalNone); err != nil {
					return err
				}
			}
			return p.startPrune(cmd.Context(), request, t)
		},
	}
	f := cmd.Flags()
	scopeFlags(cmd, &region, &group)
	f.String("owned-by", "", "every superseded key of this owner: an e-mail address or an IAM ID")
	f.Bool("all", false, "every superseded key of the account")
	f.String("soak", offboard.DefaultSoak.String(), "healthy time between disabling and deleting the keys, as in 90m or 2d")
	everyRunFlags(cmd)
	f.BoolVar(&yes, "yes", false, "do not ask")
	t.flags(cmd)
	for _, free := range []string{"owned-by", "soak"} {
		complete(cmd, free, cobra.NoFileCompletions)
	}
	return cmd
}

func (p *program) startPrune(ctx context.Context, request offboard.PruneRequest, t then) error {
	r, disconnect, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer disconnect()
	started, err := r.Prune(ctx, request)
	if err != nil {
		return err
	}
	return p.started(ctx, r, started, started.WorkflowID, t)
}

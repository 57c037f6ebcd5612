package provider

import (
	"context"
	"encoding/json"

	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/resource"
)

// fluxLogs are what the controllers of Flux have written about a configuration. Nobody makes or changes a line by a request.
func fluxLogs(deps Deps) resource.Type {
	kind := sequel{
		Deps: deps, of: gitops.TypeName, owner: "Flux configuration", noun: "Logs of Flux configurations", below: "logs", topic: gitops.LogsKey,
		list: func(ctx context.Context, cluster, name string, since int64) (sequelPage, error) {
			lines, err := deps.Flux.Logs(ctx, cluster, name, since, sequelSize)
			page := sequelPage{Value: []json.RawMessage{}, Next: since}
			for _, line := range lines {
				text, err := json.Marshal(line)
				if err != nil {
					return page, err
				}
				page.Value, page.Next = append(page.Value, text), line.Sequence
			}
			return page, err
		},
	}
	return resource.Type{Name: gitops.TypeName + "/logs", Level: resource.Anywhere, APIVersions: fluxVersions(), Serve: kind.serve}
}

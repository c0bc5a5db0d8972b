// Made from the server's OpenAPI document by scripts/dashboard.sh types.

export interface paths {
    "/api/v1/account-order": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Order the accounts
         * @description Those before others are used first.
         */
        put: operations["order_accounts"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List accounts
         * @description In the order in which they are used, with how each stands.
         */
        get: operations["list_accounts"];
        put?: never;
        /**
         * Add an account
         * @description It is used after all others.
         */
        post: operations["add_account"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get an account */
        get: operations["get_account"];
        put?: never;
        post?: never;
        /**
         * Remove an account
         * @description With its key, if that was given with it. What was used by it stays in the sums.
         */
        delete: operations["delete_account"];
        options?: never;
        head?: never;
        /**
         * Change an account
         * @description Another key makes an account ready again whose key was refused.
         */
        patch: operations["change_account"];
        trace?: never;
    };
    "/api/v1/accounts/{name}/sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a sign-in
         * @description How the last one to this account stands. It is remembered for ten minutes or so.
         */
        get: operations["get_sign_in"];
        put?: never;
        /**
         * Begin to sign in
         * @description To an account, or to one that is added once the sign-in has ended. Whoever began one before to the same account begins
         *     anew. Of the kind `callback`, the browser comes back to the name by which this request was sent.
         */
        post: operations["begin_sign_in"];
        /**
         * Sign out
         * @description Forgets what the sign-in granted. The account stays, and is refused until somebody signs in again.
         */
        delete: operations["sign_out"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{name}/sign-in/finish": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End a sign-in
         * @description With what the provider's page showed at the end, of the kind `copy_paste`.
         */
        post: operations["finish_sign_in"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{name}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try an account
         * @description Asks the provider for its list of models, which costs nothing. An account that answers is ready again.
         */
        post: operations["test_account"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/asks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what agents wait for
         * @description In all missions, the oldest first; the first 500.
         */
        get: operations["list_open_asks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/attachments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Bring a file for a message
         * @description The body is its content, which may be empty, up to `missions.attachment_limit`; what it is, the server finds out itself. A message that names it
         *     takes it along. It is forgotten after a day if none does.
         */
        post: operations["create_attachment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/attachments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get what is known of an attachment */
        get: operations["get_attachment"];
        put?: never;
        post?: never;
        /**
         * Remove an attachment
         * @description One that no message names. All others go with their mission.
         */
        delete: operations["delete_attachment"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/attachments/{id}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read an attachment
         * @description A browser shows images, and saves all else.
         */
        get: operations["read_attachment"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the audit log
         * @description The newest first.
         */
        get: operations["get_audit_log"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Log in.
         * @description Sets the cookie `sandboxed_session`. Public. Failed attempts are slowed down by name and by address.
         */
        post: operations["log_in"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Log out.
         * @description Ends the login of the cookie. A request that came with an API token ends nothing.
         */
        post: operations["log_out"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who am I? */
        get: operations["me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Back up the database
         * @description Writes a copy into the directory `backups` of the data directory while the server goes on. A file that is there
         *     is not replaced.
         */
        post: operations["make_backup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/budgets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List budgets */
        get: operations["list_budgets"];
        /**
         * Set a budget
         * @description Missions that wait for money go on.
         */
        put: operations["set_budget"];
        post?: never;
        /**
         * Remove a budget
         * @description Missions that wait for money go on.
         */
        delete: operations["delete_budget"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/builds/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a build */
        get: operations["get_build"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/builds/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a build
         * @description Kills what its step runs. A build that has ended stays as it is.
         */
        post: operations["cancel_build"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/builds/{id}/steps/{step}/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow the log of a step
         * @description The bytes themselves, those that were printed already and then those to come, until the step ends. For a step whose turn
         *     has not come, it begins when the step does. Of a step that printed too much to be kept, what was dropped is left out.
         */
        get: operations["stream_build_log"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/doctor": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Examine the machine
         * @description Tries what the server needs, and says how it came out and what would mend it.
         */
        get: operations["get_doctor"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/harnesses": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List harnesses
         * @description In the order of the configuration: what each is and can do, and how its programs stand.
         */
        get: operations["list_harnesses"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/harnesses/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a harness */
        get: operations["get_harness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/harnesses/{id}/install": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Install a harness
         * @description The version that its plugin is configured to use. The installation goes on by itself; the harness tells how far it is.
         */
        post: operations["install_harness"];
        /**
         * Cancel an installation
         * @description What was fetched is kept for the next one.
         */
        delete: operations["cancel_installation"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/harnesses/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try a harness out
         * @description Begins a mission with one small question, in the workspace `harness-tests`, which is made where there is none. It installs
         *     the program where that is missing and asks a model, which costs as much as that. Its end is told by its events and by the
         *     harness.
         */
        post: operations["test_harness"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/harnesses/{id}/use": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Choose the version of a harness
         * @description Missions use it from their next turn on, whatever the plugin is configured to use.
         */
        post: operations["use_harness_version"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/harnesses/{id}/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a version of a harness
         * @description Refused for the version that was chosen, and while a turn of the harness is under way.
         */
        delete: operations["remove_harness_version"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/leftovers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what backends keep of workspaces that are not there
         * @description A container, say, that outlived its workspace. A backend whose engine does not answer is passed over.
         */
        get: operations["list_leftovers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/leftovers/{backend}/{workspace}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove what a backend keeps of a workspace that is not there */
        delete: operations["remove_leftover"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List missions
         * @description The newest first.
         */
        get: operations["list_missions"];
        put?: never;
        /**
         * Make a mission
         * @description Its first message is queued at once; the turn begins as soon as there is a place for it.
         */
        post: operations["create_mission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a mission */
        get: operations["get_mission"];
        put?: never;
        post?: never;
        /**
         * Remove a mission
         * @description It has to have ended. Its events go with it; its workspace stays.
         */
        delete: operations["delete_mission"];
        options?: never;
        head?: never;
        /**
         * Change a mission
         * @description Its title at once, all else from its next turn on.
         */
        patch: operations["edit_mission"];
        trace?: never;
    };
    "/api/v1/missions/{id}/asks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what the agent of a mission waits for */
        get: operations["list_asks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/asks/{ask}/answer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Answer what an agent wants to know */
        post: operations["answer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/asks/{ask}/decision": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Decide whether an agent may do what it asks
         * @description With the scope `mission` or `workspace` a rule is made, which decides the like of it from now on.
         */
        post: operations["decide"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a mission
         * @description Answered when none of its processes is left. A mission that has ended stays as it is.
         */
        post: operations["cancel_mission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/commit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Commit what a mission has changed
         * @description All of it, ignored files aside, in the mission's worktree or the workspace's repository. Hooks of the repository do not run.
         */
        post: operations["commit_mission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * See what a mission has changed
         * @description In one turn, as it was told at the turn's end; or in total since the mission began, as the files are now.
         */
        get: operations["get_mission_diff"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the events of a mission */
        get: operations["list_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/finish": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Finish a mission
         * @description One that waits for a person: it is done.
         */
        post: operations["finish_mission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/interrupt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Interrupt a mission
         * @description The turn that is under way is asked to end, and is ended after the configured grace. The mission goes on with its
         *     next message.
         */
        post: operations["interrupt_mission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a message
         * @description It is put at the end of the mission's queue. A mission that had ended or waited is taken up again.
         */
        post: operations["send_message"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/push": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Push what a mission has committed
         * @description To a branch of the repository that was cloned, or of the one that is named here; what the workspace's own configuration
         *     says of remotes does not count. With the credential that `[git.credentials]` names for the host.
         */
        post: operations["push_mission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the messages that wait */
        get: operations["list_queue"];
        /** Give the queue another order */
        put: operations["reorder_queue"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/queue/{message}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a message out of the queue */
        delete: operations["remove_queued_message"];
        options?: never;
        head?: never;
        /** Replace the text of a message that waits */
        patch: operations["edit_queued_message"];
        trace?: never;
    };
    "/api/v1/missions/{id}/queue/{message}/send-now": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a message now
         * @description It is put first, and the turn that is under way is interrupted.
         */
        post: operations["send_now"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read a mission's output again
         * @description By its harness as it is now: what its processes printed is told to the driver as it was then, and what the driver says is
         *     held against the log. Nothing of the mission changes.
         */
        post: operations["replay_mission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resume a mission
         * @description One that failed, was cancelled, is parked or whose run was lost: its last message is sent again.
         */
        post: operations["resume_mission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the rules that hold in a mission
         * @description Those of the mission first, then those of its workspace. The configuration's are not among them.
         */
        get: operations["list_mission_rules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{id}/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow a mission
         * @description Server-sent events: `id` is the event's place, `event` its kind, `data` the event as JSON. All events after the
         *     given one, those that are stored first and then those to come, each once and in order. The stream ends when the
         *     server stops or the mission is removed.
         */
        get: operations["stream_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/model-requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List requests to models
         * @description The newest first.
         */
        get: operations["list_model_requests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List models
         * @description Those that the catalogue knows, with their prices.
         */
        get: operations["list_models"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get this document
         * @description Public.
         */
        get: operations["get_openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/plugins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List plugins
         * @description In the order of the configuration, with their rights and their health.
         */
        get: operations["list_plugins"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/plugins/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a plugin */
        get: operations["get_plugin"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/plugins/{id}/keep": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Keep a plugin's version
         * @description Ends the trial of the version in use: it counts as good.
         */
        post: operations["keep_plugin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/plugins/{id}/reload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Load a plugin anew
         * @description Calls that are under way end on the old one. When it cannot be loaded, the old one stays in use. A version that was
         *     rolled back is tried again.
         */
        post: operations["reload_plugin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/plugins/{id}/roll-back": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Roll a plugin back
         * @description Puts the version before in use; turns that are under way go on with it. The version that was in use is not tried again
         *     before its file changes or it is loaded anew by a request.
         */
        post: operations["roll_back_plugin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/plugins/{id}/tools": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the tools of a plugin */
        get: operations["list_tools"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/plugins/{id}/tools/{tool}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Call a tool
         * @description An answer with `is_error` means that the tool ran and could not do what was asked.
         */
        post: operations["call_tool"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/processes/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a process */
        get: operations["get_process"];
        put?: never;
        post?: never;
        /**
         * Remove a process
         * @description Kills it with all that it started, where it lives, and forgets what it printed.
         */
        delete: operations["remove_process"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/processes/{id}/attach": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Attach to a process
         * @description A WebSocket. The server sends what the process prints as binary messages, whose first byte is the stream (1 or 2), and
         *     as text messages `{"type": "offset", "offset": …}` first of all (the place in standard output where it begins),
         *     `{"type": "gap", …}` and, as the last, `{"type": "exit", "exit": …}`. The client sends what is to be typed as binary
         *     messages, and `{"type": "resize", "rows": …, "cols": …}`, `{"type": "close_input"}` and `{"type": "signal", "signal":
         *     …}` as text. Many may be attached at once. The process does not end with its viewers.
         */
        get: operations["attach_process"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/processes/{id}/input": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Write to a process
         * @description The body is written to its standard input, or typed into its terminal. At most 1 MiB.
         */
        post: operations["write_input"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/processes/{id}/output": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow what a process prints
         * @description The bytes themselves, those that were printed already and then those to come, until the process ends. Of a stream that
         *     printed too much to be kept, what was dropped is left out.
         */
        get: operations["stream_output"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/processes/{id}/resize": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Resize a process's terminal */
        post: operations["resize_process"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/processes/{id}/signal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a signal to a process
         * @description And to all that it started.
         */
        post: operations["signal_process"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/providers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List providers
         * @description Those that the catalogue knows.
         */
        get: operations["list_providers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a rule
         * @description What it decided is asked again.
         */
        delete: operations["remove_rule"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search events
         * @description The best match first.
         */
        get: operations["search_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List secrets
         * @description By their names, without their values, those of `[secrets]` included.
         */
        get: operations["list_secrets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/secrets/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a secret
         * @description Without its value: no operation returns that.
         */
        get: operations["get_secret"];
        /**
         * Set a secret
         * @description Keeps a new secret, or gives another value to the one of this name, which is used from then on.
         */
        put: operations["set_secret"];
        post?: never;
        /**
         * Remove a secret
         * @description Refused while a workspace, a template or the configuration names it, unless it is forced: what names it then fails when it
         *     is started.
         */
        delete: operations["delete_secret"];
        options?: never;
        head?: never;
        /**
         * Describe a secret
         * @description Says anew who may use it, or what it is for. Its value stays.
         */
        patch: operations["describe_secret"];
        trace?: never;
    };
    "/api/v1/secrets/{name}/uses": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the uses of a secret
         * @description By user and hour, the newest first. They are kept for 90 days, also when the secret is gone.
         */
        get: operations["list_secret_uses"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sign-in/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Come back from a provider
         * @description The address to which providers send the browser of a person who signs in, with `state` and `code`, or with `error`. It
         *     needs the state of a sign-in that is under way, and answers with a page. Public.
         */
        get: operations["sign_in_callback"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List skills
         * @description In the order of their names.
         */
        get: operations["list_skills"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a skill with its files */
        get: operations["get_skill"];
        /**
         * Put a skill into the library
         * @description In the place of one of the same name. Missions of workspaces that have it get it with their next turn.
         */
        put: operations["put_skill"];
        post?: never;
        /**
         * Remove a skill
         * @description Workspaces that have it go on without.
         */
        delete: operations["delete_skill"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List snapshots
         * @description Of all workspaces, also of those that are gone; the newest first.
         */
        get: operations["list_snapshots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/snapshots/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a snapshot */
        get: operations["get_snapshot"];
        put?: never;
        post?: never;
        /**
         * Remove a snapshot
         * @description Workspaces that were made from it keep what they began with.
         */
        delete: operations["delete_snapshot"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/snapshots/{id}/fork": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a workspace from a snapshot
         * @description With the same backend, options, network and limits, and with the files, the home and the root file system of then.
         */
        post: operations["fork_snapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow all missions
         * @description Server-sent events of the kind `mission`: `id` is the revision, `data` the mission as it then stands. Without a
         *     position the stream begins with changes from now on.
         */
        get: operations["stream_missions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List templates
         * @description In their newest versions, the newest template first.
         */
        get: operations["list_templates"];
        put?: never;
        /** Make a template */
        post: operations["create_template"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a template */
        get: operations["get_template"];
        /**
         * Change a template
         * @description Makes its next version; the old ones stay. One that says the same as the newest is not made.
         */
        put: operations["update_template"];
        post?: never;
        /**
         * Remove a template
         * @description With all its versions. Workspaces that were made from it stay as they are.
         */
        delete: operations["delete_template"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{name}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the versions of a template
         * @description The newest first.
         */
        get: operations["list_template_versions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List my API tokens */
        get: operations["list_tokens"];
        put?: never;
        /**
         * Make an API token
         * @description A repeated request makes another token: the answer holds the secret and is stored nowhere.
         */
        post: operations["create_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End an API token */
        delete: operations["revoke_token"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sum up usage
         * @description What missions used of models through the gateway.
         */
        get: operations["get_usage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/vault": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** See how the vault stands */
        get: operations["vault_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/vault/rotate-key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace the master key of the vault
         * @description Values are put under a new key in the background, and everything goes on meanwhile. `GET /api/v1/vault` says how many are
         *     left.
         */
        post: operations["rotate_vault_key"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/version": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the server's version */
        get: operations["get_version"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List workspaces
         * @description In the order of their names.
         */
        get: operations["list_workspaces"];
        put?: never;
        /**
         * Make a workspace
         * @description One that is a system of its own or has init steps is then in phase `building`, by the build that it names: `GET /builds/{id}` tells how it stands.
         */
        post: operations["create_workspace"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a workspace */
        get: operations["get_workspace"];
        put?: never;
        post?: never;
        /**
         * Remove a workspace with its files
         * @description Refused while a mission that has not ended uses it.
         */
        delete: operations["delete_workspace"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/build": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Build a workspace
         * @description Makes its system, if it is one that is not there, and runs its init steps: those that its last build did not do, or all of them. Refused while a turn of a mission or a process
         *     runs in it.
         */
        post: operations["build_workspace"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/builds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the builds of a workspace
         * @description The newest first.
         */
        get: operations["list_builds"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/clone": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Clone a repository into a workspace
         * @description With the credential that `[git.credentials]` names for the host, which no process of the workspace sees. The workspace has
         *     to reach the host. Submodules are left out.
         */
        post: operations["clone_repository"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/exec": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a command
         * @description The answer is a stream of JSON lines: `{"stream": "stdout", "text": "…"}` (`base64` in place of `text` for what is no
         *     UTF-8), `{"stream": "stdout", "gap": 123}` for bytes that were dropped because they were too many to keep, and as the
         *     last `{"exit": …}`. The command is killed when the client goes away.
         */
        post: operations["exec"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export a workspace
         * @description As one archive with its settings, files, home and, where it has one of its own, its system. Values of secrets are not in
         *     it, but whatever agents wrote is. Nobody works in the workspace meanwhile; it is refused while somebody does. The
         *     connection breaks off if it cannot be packed to its end.
         */
        get: operations["export_workspace"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List a directory
         * @description In the order of the bytes of the names. Links are told of themselves.
         */
        get: operations["list_files"];
        put?: never;
        post?: never;
        /**
         * Remove a file or directory
         * @description A link is removed itself, never what it leads to. A removal that breaks off leaves the rest.
         */
        delete: operations["remove_file"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/files/archive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Download a directory
         * @description As an archive of it and all that is below it, or of one file. Links stay links; pipes, sockets and devices are left out.
         *     The connection breaks off if it cannot be packed to its end.
         */
        get: operations["pack_files"];
        /**
         * Unpack an archive into a directory
         * @description Which is made where it is missing. Files that exist are replaced, directories are joined. What would lead out of the
         *     workspace or is no file, directory or link is left out and told. An archive that names an absolute path or `..` is
         *     refused; what was unpacked before stays.
         */
        put: operations["unpack_files"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/files/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a file
         * @description Or a part of it: one range of bytes. A link that stays inside the workspace is followed. The connection breaks off if the
         *     file is cut short meanwhile.
         */
        get: operations["read_file"];
        /**
         * Write a file
         * @description As a whole: whoever reads meanwhile sees all of the old or all of the new content. The file belongs to the workspace's
         *     user. Nothing is written through a link. A body of any size is taken as it comes, up to `workspaces.upload_limit` and the
         *     workspace's limit of disk.
         */
        put: operations["write_file"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/files/directories": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a directory */
        post: operations["make_directory"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/files/entry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get what is told of a file */
        get: operations["get_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/files/move": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Move a file or directory
         * @description In one step.
         */
        post: operations["move_file"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/files/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Measure a file or directory
         * @description With all that is below it.
         */
        get: operations["get_files_usage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/fork": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a workspace from how another stands
         * @description Refused while a process runs in the other.
         */
        post: operations["fork_workspace"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/ports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the ports of a workspace
         * @description Those that were declared and those on which something listens now, in the order of their numbers. Only what can be
         *     reached within the workspace at a loopback address counts as listening.
         */
        get: operations["list_ports"];
        /**
         * Declare the ports of a workspace
         * @description In place of those that were declared before.
         */
        put: operations["set_ports"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/ports/{port}/connect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Connect to a port of a workspace
         * @description A WebSocket that carries the bytes of one TCP connection, in both directions as binary messages. An empty message ends
         *     a direction. When both have ended the server closes the WebSocket.
         */
        get: operations["connect_port"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/ports/{port}/open": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Open a port in a browser
         * @description Gives an address of the port's own site, to which the browser is sent. It is good once and for a minute. The browser
         *     gets a cookie of that site, which lasts twelve hours at most and ends with the login or the token that asked. A script
         *     needs none of this: it sends its API token to the port's site.
         */
        post: operations["open_port"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/processes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the processes of a workspace
         * @description Those that people started, the newest first. Turns of missions are not among them.
         */
        get: operations["list_processes"];
        put?: never;
        /**
         * Start a process
         * @description It runs in the workspace's sandbox until it ends or is removed, also when the server is started anew.
         */
        post: operations["start_process"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a workspace stand as it stood
         * @description What it has changed since the snapshot is gone. Refused while a process runs in it.
         */
        post: operations["restore_workspace"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the rules that hold in a workspace */
        get: operations["list_workspace_rules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the snapshots of a workspace
         * @description The newest first.
         */
        get: operations["list_workspace_snapshots"];
        put?: never;
        /**
         * Take a snapshot of a workspace
         * @description Refused while a process runs in it.
         */
        post: operations["take_snapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/template": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Apply a workspace's template
         * @description Brings the workspace to a version of the template that it was made from: what differs is changed, and init steps that were
         *     not run in it so far are run by a build. Refused while a turn of a mission or a process runs in it.
         */
        post: operations["apply_template"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin an upload
         * @description Nothing of it is seen in the workspace before it is finished. It outlives the server, and is forgotten a day after its last
         *     part.
         */
        post: operations["start_upload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/uploads/{upload}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get an upload
         * @description After a connection that broke off, this tells where the next part begins.
         */
        get: operations["get_upload"];
        put?: never;
        post?: never;
        /** Give an upload up */
        delete: operations["abort_upload"];
        options?: never;
        head?: never;
        /**
         * Append a part to an upload
         * @description What came before a connection broke off is kept.
         */
        patch: operations["append_upload"];
        trace?: never;
    };
    "/api/v1/workspaces/{id}/uploads/{upload}/finish": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Finish an upload
         * @description The file is written as a whole, as with a write. If that fails the upload is still there.
         */
        post: operations["finish_upload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{id}/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * See what a workspace uses
         * @description What its processes use together now. What this machine does not count is absent.
         */
        get: operations["get_workspace_usage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import a workspace
         * @description From an archive of an export, of this server or another. It gets the settings that it had, as far as this server lets
         *     workspaces have them; what it loses is told. Its init steps are not run. Of an archive that is refused nothing stays.
         */
        post: operations["import_workspace"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Does the server live?
         * @description Public.
         */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get metrics
         * @description In the text format of Prometheus. A scraper needs an API token with the scope `read`.
         */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Can the server do its work?
         * @description Public.
         */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An account at a provider. */
        Account: {
            /** @description Where the provider is, of those that are not in one place for all. */
            base_url?: string | null;
            /** @description When it was added. */
            created_at: components["schemas"]["Timestamp"];
            /** @description What it shows there. */
            credential: components["schemas"]["Credential"];
            /** @description Whether it is used. */
            enabled: boolean;
            /** @description How it stands. */
            health: components["schemas"]["AccountHealth"];
            /** @description The models that it is used for. Empty: all. */
            models?: components["schemas"]["ModelPattern"][];
            /** @description Its name. */
            name: components["schemas"]["AccountName"];
            owner?: components["schemas"]["UserId"] | null;
            /**
             * Format: int32
             * @description Its place among all accounts: those before it are used first.
             */
            position: number;
            /** @description Whose it is. */
            provider: components["schemas"]["ProviderId"];
            /** @description When anything of it but its health and its place was last changed. */
            updated_at: components["schemas"]["Timestamp"];
        };
        /** @description How an account stands. */
        AccountHealth: {
            /** @enum {string} */
            state: "ready";
        } | {
            /** @enum {string} */
            state: "cooling";
            /** @description Until when. */
            until: components["schemas"]["Timestamp"];
            /** @description Why. */
            why: components["schemas"]["Failure"];
        } | {
            /** @description Since when. */
            since: components["schemas"]["Timestamp"];
            /** @enum {string} */
            state: "refused";
            /** @description Why. */
            why: components["schemas"]["Failure"];
        };
        /**
         * @description The name of an account: 1 to 100 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`, starting with a letter or digit. Unique on a
         *     server.
         */
        AccountName: string;
        /** @description An order of accounts. */
        AccountOrder: {
            /** @description All accounts, each once. */
            accounts: components["schemas"]["AccountName"][];
        };
        /** @description An account that is wanted. */
        AccountRequest: {
            /** @description Where the provider is, of those that are not in one place for all. */
            base_url?: string | null;
            /**
             * @description Whether it is used.
             * @default true
             */
            enabled: boolean;
            /** @description The key. It goes into the vault, and no operation returns it. */
            key?: string | null;
            /** @description The models that it is used for, with `*` for any text. Empty: all. */
            models?: components["schemas"]["ModelPattern"][];
            /** @description Its name. */
            name: components["schemas"]["AccountName"];
            owner?: components["schemas"]["UserId"] | null;
            /** @description Whose it is: a provider of the catalogue. */
            provider: components["schemas"]["ProviderId"];
            secret?: components["schemas"]["SecretName"] | null;
        };
        /** @description What is to be changed of an account. What is absent stays. */
        AccountUpdate: {
            /** @description Where the provider is. */
            base_url?: string | null;
            /** @description Whether it is used. */
            enabled?: boolean | null;
            /** @description Lets everybody's missions use it. */
            for_everybody?: boolean;
            /** @description Another key. */
            key?: string | null;
            /** @description The models that it is used for. */
            models?: components["schemas"]["ModelPattern"][] | null;
            owner?: components["schemas"]["UserId"] | null;
            secret?: components["schemas"]["SecretName"] | null;
        };
        /** @description What is answered. */
        AnswerRequest: {
            /** @description For each of the questions what is chosen or written. Null or absent: there is no answer. */
            answers?: string[][] | null;
        };
        /** @description What applying a template to a workspace does. */
        Application: {
            build?: components["schemas"]["BuildId"] | null;
            /** @description What changes. */
            changes: components["schemas"]["DriftField"][];
            /**
             * Format: int32
             * @description The version that the workspace had.
             */
            from: number;
            /** @description The steps of its build. Those that were run in it before and did not change are `cached`, the others are run. */
            steps: components["schemas"]["BuildStep"][];
            /**
             * Format: int32
             * @description The version that it gets.
             */
            to: number;
        };
        /** @description How a template is applied to a workspace. */
        ApplyRequest: {
            /** @description Whether only to say what would be done. */
            dry_run?: boolean;
            /**
             * Format: int64
             * @description The version; absent is the newest.
             */
            version?: number | null;
        };
        /** @description Something that an agent wants to do, for which it waits. */
        Approval: {
            /** @description Why so, for the agent. */
            answer?: string | null;
            by?: components["schemas"]["Decider"] | null;
            expires_at?: components["schemas"]["Timestamp"] | null;
            /** @description Its id. */
            id: components["schemas"]["AskId"];
            /** @description What the tool would be called with. */
            input: unknown;
            /** @description Why the agent asks. */
            reason?: string | null;
            /** @description How it stands. */
            status: components["schemas"]["AskStatus"];
            /** @description What rules look at: the whole command, the path, the address. */
            subject: string;
            /** @description What a person reads first. */
            title: string;
            /** @description The agent's own name of the tool. */
            tool: string;
            /** @description The tool call that waits. */
            tool_call?: string | null;
            /** @description What it does. (`kind` is the event's own.) */
            tool_kind: components["schemas"]["ToolKind"];
        };
        /**
         * @description Whether agents ask before they do something that may do harm.
         * @enum {string}
         */
        ApprovalMode: "bypass" | "ask";
        /** @description A decision that goes on to hold. */
        ApprovalRule: {
            /** @description When. */
            created_at: components["schemas"]["Timestamp"];
            expires_at?: components["schemas"]["Timestamp"] | null;
            /** @description Its id. */
            id: components["schemas"]["RuleId"];
            /** @description Who made it. */
            made_by: components["schemas"]["UserId"];
            /**
             * @description The subject, in which `*` stands for any text. In a command it stands for nothing that would join another command
             *     to it.
             */
            pattern: string;
            /** @description Where it holds. */
            scope: components["schemas"]["RuleScope"];
            /** @description What kind of tool it is about. */
            tool_kind: components["schemas"]["ToolKind"];
            /** @description What it says. */
            verdict: components["schemas"]["Verdict"];
        };
        /** @description Something that an agent asked. */
        Ask: (components["schemas"]["Approval"] & {
            /** @enum {string} */
            kind: "approval";
        }) | (components["schemas"]["Question"] & {
            /** @enum {string} */
            kind: "question";
        });
        /**
         * Format: uuid
         * @description Something that an agent asked in the middle of a turn.
         */
        AskId: string;
        /**
         * @description How something that an agent asked stands.
         * @enum {string}
         */
        AskStatus: "open" | "approved" | "denied" | "answered" | "withdrawn";
        /** @description A file that was given to the server, to be sent along with a message. */
        Attachment: {
            /** @description When it came. */
            created_at: components["schemas"]["Timestamp"];
            /** @description The attachment. */
            id: components["schemas"]["AttachmentId"];
            /**
             * @description As the server found it: `image/png`, `image/jpeg`, `image/gif`, `image/webp`, `text/plain` or
             *     `application/octet-stream`.
             */
            media_type: string;
            /** @description As the person called it, without what no name of a file may hold. */
            name: string;
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
        };
        /**
         * Format: uuid
         * @description A file that is sent along with a message.
         */
        AttachmentId: string;
        /** @description Who may use a secret: `workspaces`, `git:HOST`, `provider:NAME`, `plugin:ID` or `host:HOST`. */
        Audience: string;
        /** @description What was done by whom. */
        AuditEntry: {
            /** @description What was asked for: method and route, or an action of the server's own. */
            action: string;
            /** @description When. */
            at: components["schemas"]["Timestamp"];
            /** @description How it came out: an HTTP status or a word. */
            outcome: string;
            /** @description On what. */
            target?: string | null;
            user?: components["schemas"]["UserId"] | null;
        };
        /** @description A backup that was made. */
        Backup: {
            /** @description Where it is, relative to the data directory. */
            path: string;
        };
        /** @description A backup that is wanted. */
        BackupRequest: {
            /** @description The file's name in the directory `backups` of the data directory; absent makes one from the time. */
            to?: string | null;
        };
        /**
         * @description Who has to act for the call to succeed next time.
         * @enum {string}
         */
        Blame: "plugin" | "host" | "config" | "denied" | "unavailable" | "deadline";
        /** @description Everything that a workspace may be made with: what a template holds, and what is said beside it. */
        Blueprint: {
            /** @default null */
            backend: components["schemas"]["PluginId"] | null;
            /**
             * @description Accounts of providers whose keys are in the environment of its missions themselves, and not behind the gateway: every
             *     process of them can read these keys, and nothing of what they use is counted.
             * @default []
             */
            direct_keys: components["schemas"]["AccountName"][];
            /**
             * @description Variables of all its processes.
             * @default {}
             */
            env: {
                [key: string]: components["schemas"]["EnvValue"];
            };
            /**
             * @description Scripts that are run in it, in this order, when it is made.
             * @default []
             */
            init: components["schemas"]["InitStep"][];
            /**
             * @description What agents of its missions are to keep to, besides what repositories say: 64 KiB at most.
             * @default null
             */
            instructions: string | null;
            /**
             * @description What its processes may use together; what is absent takes the configured default.
             * @default {}
             */
            limits: components["schemas"]["WorkspaceLimits"];
            /**
             * @description Servers of tools (Model Context Protocol) that they use, by the names that they have there: 32 at most.
             * @default {}
             */
            mcp_servers: {
                [key: string]: components["schemas"]["McpServer"];
            };
            /**
             * @description Directories of the machine that it sees.
             * @default []
             */
            mounts: components["schemas"]["Mount"][];
            /** @default null */
            network: components["schemas"]["NetworkPolicy"] | null;
            /** @description Options for the backend, by its own schema. */
            options?: Record<string, never>;
            /**
             * @description Ports that are known before anything listens on them.
             * @default []
             */
            ports: components["schemas"]["DeclaredPort"][];
            /**
             * @description Skills of the library that they have.
             * @default []
             */
            skills: components["schemas"]["SkillName"][];
        };
        /** @description What a workspace is made with. */
        BlueprintRequest: {
            backend?: components["schemas"]["PluginId"] | null;
            /**
             * @description Accounts of providers whose keys are in the environment of its missions themselves, and not behind the gateway: every
             *     process of them can read these keys, and nothing of what they use is counted.
             */
            direct_keys?: components["schemas"]["AccountName"][];
            /** @description Variables of all its processes. */
            env?: {
                [key: string]: components["schemas"]["EnvValue"];
            };
            /** @description Scripts that are run in it, in this order, when it is made. */
            init?: components["schemas"]["InitStep"][];
            /** @description What agents of its missions are to keep to, besides what repositories say: 64 KiB at most. */
            instructions?: string | null;
            limits?: components["schemas"]["WorkspaceLimits"] | null;
            /** @description Servers of tools (Model Context Protocol) that they use, by the names that they have there: 32 at most. */
            mcp_servers?: {
                [key: string]: components["schemas"]["McpServer"];
            };
            /** @description Directories of the server's machine that it sees. */
            mounts?: components["schemas"]["Mount"][];
            network?: components["schemas"]["NetworkPolicy"] | null;
            /** @description Options for the backend, by its own schema. */
            options?: {
                [key: string]: unknown;
            };
            /** @description Ports that are known before anything listens on them. */
            ports?: components["schemas"]["DeclaredPort"][];
            /** @description Skills of the library that they have. */
            skills?: components["schemas"]["SkillName"][];
        };
        /** @description A budget as it stands. There is at most one of a scope and a period. */
        Budget: {
            /**
             * Format: int64
             * @description What may be spent, in micro-dollars.
             */
            limit_micro_usd: number;
            /** @description In which time. */
            period: components["schemas"]["BudgetPeriod"];
            /**
             * Format: int64
             * @description What is set aside for requests that are under way.
             */
            reserved_micro_usd: number;
            resets_at?: components["schemas"]["Timestamp"] | null;
            /** @description Whose requests it counts. */
            scope: components["schemas"]["BudgetScope"];
            /**
             * Format: int64
             * @description What requests that began in the present period have cost.
             */
            spent_micro_usd: number;
        };
        /**
         * @description After which time a budget begins anew, in UTC.
         * @enum {string}
         */
        BudgetPeriod: "total" | "day" | "month";
        /** @description A budget that is wanted. */
        BudgetRequest: {
            /**
             * Format: int64
             * @description What may be spent, in millionths of a US dollar: at most a billion dollars.
             */
            limit_micro_usd: number;
            /** @description After which time it begins anew. */
            period: components["schemas"]["BudgetPeriod"];
            /** @description Whose requests it counts. */
            scope: components["schemas"]["BudgetScope"];
        };
        /** @description Whose requests a budget counts: `server`, `user:ID`, `account:NAME` or `mission:ID`. */
        BudgetScope: string;
        /** @description A build as it stands. */
        Build: {
            /** @description When it was asked for. */
            created_at: components["schemas"]["Timestamp"];
            ended_at?: components["schemas"]["Timestamp"] | null;
            /** @description The build. */
            id: components["schemas"]["BuildId"];
            /**
             * @description Whether it works on what is in the workspace already. Else the workspace begins empty, and results of steps are taken
             *     from other workspaces and kept for them.
             */
            in_place: boolean;
            /** @description Who asked for it. */
            owner: components["schemas"]["UserId"];
            problem?: components["schemas"]["Failure"] | null;
            /** @description How it stands. */
            state: components["schemas"]["BuildState"];
            /** @description Its steps, in their order. They are numbered from 1. */
            steps: components["schemas"]["BuildStep"][];
            /** @description The workspace that it makes. */
            workspace: components["schemas"]["WorkspaceId"];
        };
        /**
         * Format: uuid
         * @description The making of a workspace.
         */
        BuildId: string;
        /** @description How a workspace is built again. */
        BuildRequest: {
            /** @description Whether all init steps are run again, and not only those that the last build did not do. A system that is there stays. */
            from_start?: boolean;
        };
        /**
         * @description How a build stands.
         * @enum {string}
         */
        BuildState: "queued" | "running" | "done" | "failed" | "cancelled";
        /** @description A step of a build. */
        BuildStep: {
            ended_at?: components["schemas"]["Timestamp"] | null;
            exit?: components["schemas"]["Exit"] | null;
            /** @description A hash over everything that its result depends on, the steps before it included. Equal keys are equal results. */
            key: string;
            /**
             * Format: int64
             * @description Bytes that it printed, kept or not; known once it has ended.
             */
            output_bytes?: number | null;
            run?: components["schemas"]["RunId"] | null;
            started_at?: components["schemas"]["Timestamp"] | null;
            /** @description How it stands. */
            state: components["schemas"]["StepState"];
            /**
             * Format: int64
             * @description Milliseconds that it may take.
             */
            timeout_ms: number;
            /** @description What it does. */
            title: string;
            waits_for?: components["schemas"]["BuildId"] | null;
        };
        /**
         * @description How a file was changed.
         * @enum {string}
         */
        ChangeKind: "created" | "modified" | "deleted";
        /** @description One thing that was tried. */
        Check: {
            /** @description What was found, in one sentence. */
            detail: string;
            failure?: components["schemas"]["Failure"] | null;
            /** @description What was tried: `cgroups`, `backend host: git`. */
            name: string;
            /** @description How it came out. */
            status: components["schemas"]["CheckStatus"];
        };
        /**
         * @description How a check came out.
         * @enum {string}
         */
        CheckStatus: "ok" | "warning" | "error";
        /** @description Something that can be chosen. */
        Choice: {
            /** @description What it means. */
            description?: string | null;
            /** @description What is chosen. */
            label: string;
        };
        /** @description A repository that is in a workspace now. */
        Cloned: {
            /** @description The branch that is checked out. */
            branch?: string | null;
            /** @description The commit that is checked out; absent for a repository without any. */
            commit?: string | null;
            /** @description The directory, from the workspace's tree. */
            path: string;
        };
        /** @description A repository that is wanted in a workspace. */
        CloneRequest: {
            /** @description The branch; absent is the one that the remote has checked out. */
            branch?: string | null;
            /**
             * Format: int32
             * @description Only so many of the last commits.
             */
            depth?: number | null;
            /** @description The directory, from the workspace's tree; absent is the tree itself. */
            path?: string | null;
            /** @description Where it is: `https://host/path`, `ssh://user@host/path` or `user@host:path`, without a credential. */
            url: string;
        };
        /** @description A commit that was made. */
        Commit: {
            /** @description The branch that it is on. */
            branch?: string | null;
            /** @description Its id. */
            commit: string;
        };
        /** @description A commit that is wanted. */
        CommitRequest: {
            /** @description Its message. */
            message: string;
        };
        /**
         * @description Connections out of the workspace to one target, all with the same fate. Told when they were refused, or when they
         *     ended.
         */
        Connections: {
            /** @description Whether they were let out. */
            allowed: boolean;
            /**
             * Format: int64
             * @description Bytes that came in.
             */
            bytes_down: number;
            /**
             * Format: int64
             * @description Bytes that went out.
             */
            bytes_up: number;
            /**
             * Format: int32
             * @description How many.
             */
            count: number;
            /** @description The name or address that was asked for. */
            host: string;
            /**
             * Format: int32
             * @description The port that was asked for.
             */
            port: number;
            /** @description Why, as a stable word: `rule`, `open`, `not_listed`, `private_address`, `upstream_down` and others. */
            reason: string;
        };
        /** @description A token that was made. */
        CreatedToken: {
            /** @description What goes into the header `Authorization` after `Bearer`. It is shown this once. */
            secret: string;
            token: components["schemas"]["TokenInfo"];
        };
        /** @description What an account shows to its provider. */
        Credential: {
            /** @enum {string} */
            kind: "api_key";
            /** @description The name of the vault's secret that holds it. */
            secret: string;
        } | {
            /** @enum {string} */
            kind: "sign_in";
            /** @description The name of the vault's secret that holds it. */
            secret: string;
        } | {
            /** @enum {string} */
            kind: "none";
        };
        /**
         * Format: date
         * @description A day in UTC, of the years 1970 to 9999. As text it is `YYYY-MM-DD`.
         */
        Day: string;
        /** @description Who gave an answer. */
        Decider: {
            /** @description A person. */
            user: components["schemas"]["UserId"];
        } | {
            /** @description A rule that a person made. */
            rule: components["schemas"]["RuleId"];
        } | "config" | "timeout";
        /** @description What is decided. */
        DecisionRequest: {
            /** @description Whether the agent may do it. */
            approved: boolean;
            /**
             * @description What else is the like of it, where this holds for more than once: `*` stands for any text, in a command for none
             *     that could hold another command. Absent: only what is the same.
             */
            pattern?: string | null;
            /** @description Why, for the agent. */
            reason?: string | null;
            /** @description How long this holds. */
            scope?: components["schemas"]["DecisionScope"];
            /**
             * Format: int32
             * @description For how many seconds it holds, where it holds for more than once. Absent: until the rule is removed.
             */
            seconds?: number | null;
        };
        /**
         * @description How long a decision goes on to hold.
         * @enum {string}
         */
        DecisionScope: "once" | "mission" | "workspace";
        /** @description A port that is known before anything listens on it. */
        DeclaredPort: {
            /** @description What it is, for people: at most 100 characters. */
            label?: string | null;
            /** @description Its name, unique in the workspace. */
            name: components["schemas"]["PortName"];
            /** @description Its number, unique in the workspace. */
            port: components["schemas"]["PortNumber"];
            /** @description What is spoken there. */
            protocol?: components["schemas"]["PortProtocol"];
        };
        /** @description Changed files. */
        Diff: {
            /** @description The files in the order of their paths. */
            files: components["schemas"]["FileChange"][];
            /**
             * Format: int64
             * @description How many more were changed than are told.
             */
            left_out: number;
        };
        /** @description Something that the log says otherwise. */
        Difference: {
            /** @description What is said now. */
            derived?: string | null;
            /** @description What the log has, from shortly before the first difference; absent: nothing. */
            recorded?: string | null;
            /** @description What it is: `message m-1`, `tool call 7`. */
            what: string;
        };
        /** @description A directory that is wanted. */
        DirectoryRequest: {
            /** @description Whether missing directories above it are made too; one that exists is then fine. */
            parents?: boolean;
            /** @description Its path from the workspace's tree. */
            path: string;
        };
        /** @description The space that files take. */
        DiskUsage: {
            /**
             * Format: int64
             * @description Bytes of their blocks: holes cost nothing, a file with several names counts once.
             */
            bytes: number;
            /** @description Whether all was counted; where not, there is more. */
            complete: boolean;
            /**
             * Format: int64
             * @description Files, directories, links and others.
             */
            entries: number;
        };
        /** @description Everything that was tried. */
        DoctorReport: {
            /** @description The checks in a fixed order. */
            checks: components["schemas"]["Check"][];
            /** @description The server's version. */
            version: string;
        };
        /**
         * @description Where something to download is now.
         * @enum {string}
         */
        DownloadState: "downloaded" | "mirrored" | "partial" | "absent" | "missing";
        /** @description How a workspace differs from its template. */
        Drift: {
            /** @description What differs from the newest version, with what was said beside it when the workspace was made. */
            fields: components["schemas"]["DriftField"][];
            /**
             * Format: int32
             * @description The template's newest version. Absent: there is no such template any more.
             */
            newest?: number | null;
        };
        /** @description One thing that differs. */
        DriftField: {
            /** @description What: `backend`, `options`, `network`, `limits`, `ports`, `env`, `mounts` or `init`. */
            field: string;
            /** @description How the template wants it. */
            template: Record<string, never>;
            /** @description How the workspace has it. */
            workspace: Record<string, never>;
        };
        /** @description What a tool call does to one file. */
        Edit: {
            /** @description A unified diff, without the lines that name the file. */
            diff: string;
            /** @description Absolute, or relative to the workspace's tree. */
            path: string;
        };
        /** @description The value of a variable of a workspace. */
        EnvValue: string | {
            /** @description The name of the secret. */
            secret: string;
        } | {
            /** @description The name of the secret. */
            secret_file: string;
        };
        /** @description One entry of a mission's log. */
        Event: components["schemas"]["EventBody"] & {
            /** @description When the server wrote it. */
            at: components["schemas"]["Timestamp"];
            /** @description The mission. */
            mission: components["schemas"]["MissionId"];
            /** @description Its place in the mission's log: 1, 2, 3 … without a gap. */
            seq: components["schemas"]["Seq"];
            /**
             * Format: int32
             * @description The turn it belongs to; 0 before the first.
             */
            turn: number;
        };
        /** @description What happened. */
        EventBody: {
            /** @description The mission went from one state to another. */
            body: components["schemas"]["StateChange"];
            /** @enum {string} */
            kind: "state";
        } | {
            /** @description A turn began. */
            body: components["schemas"]["TurnStarted"];
            /** @enum {string} */
            kind: "turn_started";
        } | {
            /** @description A turn ended. */
            body: components["schemas"]["TurnEnded"];
            /** @enum {string} */
            kind: "turn_ended";
        } | {
            /** @description A process was started for the mission. */
            body: components["schemas"]["RunStarted"];
            /** @enum {string} */
            kind: "run_started";
        } | {
            /** @description A process of the mission ended. */
            body: components["schemas"]["RunEnded"];
            /** @enum {string} */
            kind: "run_ended";
        } | {
            /** @description The agent's own id of its session. */
            body: components["schemas"]["Session"];
            /** @enum {string} */
            kind: "session";
        } | {
            /** @description Text is appended to a message. */
            body: components["schemas"]["Message"];
            /** @enum {string} */
            kind: "message";
        } | {
            /** @description Text is appended to a thought. */
            body: components["schemas"]["Thought"];
            /** @enum {string} */
            kind: "thought";
        } | {
            /** @description A tool call begins or changes. */
            body: components["schemas"]["ToolCall"];
            /** @enum {string} */
            kind: "tool_call";
        } | {
            /** @description Text is appended to the output of a tool call. */
            body: components["schemas"]["ToolOutput"];
            /** @enum {string} */
            kind: "tool_output";
        } | {
            /** @description The agent wants to do something; a later one of the same id says what was decided. */
            body: components["schemas"]["Approval"];
            /** @enum {string} */
            kind: "approval";
        } | {
            /** @description The agent wants to know something; a later one of the same id says what was answered. */
            body: components["schemas"]["Question"];
            /** @enum {string} */
            kind: "question";
        } | {
            /** @description The agent's plan, as a whole. */
            body: components["schemas"]["Plan"];
            /** @enum {string} */
            kind: "plan";
        } | {
            /** @description Tokens and money that were used. */
            body: components["schemas"]["Usage"];
            /** @enum {string} */
            kind: "usage";
        } | {
            /** @description A file of the workspace was changed by the turn. */
            body: components["schemas"]["FileChange"];
            /** @enum {string} */
            kind: "file_change";
        } | {
            /** @description A remark. */
            body: components["schemas"]["Notice"];
            /** @enum {string} */
            kind: "notice";
        } | {
            /** @description The agent repeats something that failed. */
            body: components["schemas"]["Retry"];
            /** @enum {string} */
            kind: "retry";
        } | {
            /** @description The way out of the workspace was asked for. */
            body: components["schemas"]["Connections"];
            /** @enum {string} */
            kind: "connections";
        } | {
            /** @description Something began to listen on ports of the workspace. */
            body: components["schemas"]["PortsOpened"];
            /** @enum {string} */
            kind: "ports";
        } | {
            /** @description Something went wrong. */
            body: components["schemas"]["Failure"];
            /** @enum {string} */
            kind: "error";
        } | {
            /** @description Something that the harness does not know. */
            body: components["schemas"]["Other"];
            /** @enum {string} */
            kind: "other";
        };
        /** @description An event that a search found. */
        EventHit: {
            /** @description The event. */
            event: components["schemas"]["Event"];
            /** @description A part of its text around the first word that was looked for. */
            snippet: string;
        };
        /** @description How a process ended. */
        Exit: {
            /**
             * Format: int32
             * @description It returned this status.
             */
            code: number;
        } | {
            /**
             * Format: int32
             * @description This signal ended it.
             */
            signal: number;
        } | {
            /** @description Its end was not seen; the text says what is known. */
            lost: string;
        };
        /** @description One thing that went wrong, told so that a person can mend it. */
        Failure: {
            /** @description Who has to act. */
            blame: components["schemas"]["Blame"];
            /** @description Stable, dotted, lower case: `plugin.trap`, `run.denied`. Programs may match on it. */
            code: string;
            /** @description The configuration line or command that mends it. */
            hint?: string | null;
            /** @description One sentence for a person. Never holds a secret. */
            message: string;
            plugin?: components["schemas"]["PluginId"] | null;
            /**
             * Format: int32
             * @description Milliseconds after which a repeat may succeed.
             */
            retry_after_ms?: number | null;
        };
        /**
         * @description Which side of a workspace's files a tool may use.
         * @enum {string}
         */
        FileAccess: "read" | "write";
        /** @description A file of the workspace was changed by the turn. */
        FileChange: {
            /**
             * Format: int64
             * @description Lines added, where counted (a text file in a repository).
             */
            added_lines?: number | null;
            /** @description How it was changed. */
            change: components["schemas"]["ChangeKind"];
            /** @description Unified diff, where there is one and it is small enough to keep. */
            diff?: string | null;
            /** @description Relative to the workspace's tree. */
            path: string;
            /**
             * Format: int64
             * @description Lines removed, where counted.
             */
            removed_lines?: number | null;
            /**
             * Format: int64
             * @description Bytes after the change; 0 for a deleted file.
             */
            size: number;
        };
        /** @description One entry of a directory. A link is told of itself, not of what it leads to. */
        FileEntry: {
            /** @description The version of a file: for `If-Match`, between double quotes. */
            etag: string;
            /** @description What it is. */
            kind: components["schemas"]["FileKind"];
            /** @description Where a link leads, as it is written in it. */
            link_target?: string | null;
            /**
             * Format: int32
             * @description Permission bits, with set-user-id, set-group-id and sticky.
             */
            mode: number;
            /** @description When the content changed last, by the word of whoever changed it. */
            modified: components["schemas"]["Timestamp"];
            /** @description Its name, with `%XX` where it is no text; empty for the tree itself. */
            name: string;
            /** @description Its path from the tree, written the same way. */
            path: string;
            /**
             * Format: int64
             * @description Bytes of content; 0 for anything but a file.
             */
            size: number;
        };
        /**
         * @description What an entry of a directory is.
         * @enum {string}
         */
        FileKind: "file" | "directory" | "symlink" | "other";
        /** @description A file that was written. */
        FileWritten: {
            /** @description Its version now. */
            etag: string;
            /** @description Its path. */
            path: string;
        };
        /** @description A workspace that is wanted. */
        ForkRequest: {
            name?: components["schemas"]["WorkspaceName"] | null;
        };
        /** @description A mission that went well. */
        GoodRun: {
            /** @description When anything of it last changed. */
            at: components["schemas"]["Timestamp"];
            /** @description The mission. */
            mission: components["schemas"]["MissionId"];
        };
        /** @description The rights of one plugin. The default grants nothing. */
        Grants: {
            /**
             * @description Make images of these tar archives of the server's machine: absolute paths.
             * @default []
             */
            archives: string[];
            /**
             * @description Use these container engines, each named by the absolute path of its socket, or by its name in `[engines]`.
             * @default []
             */
            containers: string[];
            /**
             * @description Send HTTP requests to these `host:port`; a leading `*.` stands for one or more labels.
             * @default []
             */
            fetch: string[];
            /**
             * @description Keep a small state of its own.
             * @default false
             */
            kv: boolean;
            /**
             * @description Write to the server's log.
             * @default false
             */
            log: boolean;
            /**
             * @description Report progress of long calls.
             * @default false
             */
            progress: boolean;
            /**
             * @description Run these programs on the server's machine, each a name on PATH or an absolute path.
             * @default []
             */
            run: string[];
            /**
             * @description Name these secrets.
             * @default []
             */
            secrets: string[];
            /** @default null */
            workspace_files: components["schemas"]["FileAccess"] | null;
            /**
             * @description Run programs in the caller's workspace.
             * @default false
             */
            workspace_run: boolean;
        };
        /** @description What a harness is and can do. */
        HarnessAbout: {
            /** @description It asks before it does what may do harm, where it is told to. */
            approvals: boolean;
            /** @description The model can be chosen. */
            chooses_model: boolean;
            /** @description How hard the model can be told to think, least first; empty where there is no choice. */
            efforts: string[];
            /** @description It looks at images that a prompt brings along. */
            images: boolean;
            /** @description A running turn can be interrupted without losing the session. */
            interrupt: boolean;
            /** @description Models that can be asked for, best default first. */
            models: string[];
            /** @description It can be kept to planning. */
            planning: boolean;
            /** @description A session can be continued by another process. */
            resume: boolean;
            /** @description JSON Schema of the settings, as text. */
            settings_schema: string;
            /** @description A prompt can be handed over in mid-turn. */
            steer: boolean;
            /** @description One sentence for a person who chooses a harness. */
            summary: string;
            /** @description It reports the tokens it used. */
            usage: boolean;
        };
        /** @description A harness: what it is, and how its programs stand. */
        HarnessInfo: {
            about?: components["schemas"]["HarnessAbout"] | null;
            /** @description The version that the plugin is configured to use; absent where nothing has to be installed. */
            configured?: string | null;
            /** @description Whether missions take it that name none. */
            default?: boolean;
            /** @description Its plugin. */
            id: components["schemas"]["PluginId"];
            /** @description What is installed, the latest first. */
            installed: components["schemas"]["InstalledVersion"][];
            last_good?: components["schemas"]["GoodRun"] | null;
            /** @description How its programs stand. */
            phase: components["schemas"]["InstallPhase"];
            /** @description The version that it stays with, whatever is configured. */
            pinned?: string | null;
            problem?: components["schemas"]["Failure"] | null;
            progress?: components["schemas"]["InstallProgress"] | null;
            test?: components["schemas"]["HarnessTest"] | null;
        };
        /** @description A mission that tries a harness out. */
        HarnessTest: {
            /** @description When anything of it last changed. */
            at: components["schemas"]["Timestamp"];
            /** @description The mission. */
            mission: components["schemas"]["MissionId"];
            problem?: components["schemas"]["Failure"] | null;
            /** @description How far it is: `done` where the harness works. */
            state: components["schemas"]["MissionState"];
        };
        /** @description A workspace that was taken in. */
        ImportedWorkspace: {
            /** @description What it had and does not have here, in sentences for a person. */
            warnings: string[];
            /** @description The workspace as it stands here. */
            workspace: components["schemas"]["Workspace"];
        };
        /** @description A script that is run in a workspace when it is made. */
        InitStep: {
            /** @description Whether its result is kept for other workspaces. Absent: if making it took clearly longer than copying it. */
            cache?: boolean | null;
            /** @description What it does, in a few words on one line: 1 to 100 characters. */
            name: string;
            /** @description What `sh -e` runs, in the workspace's tree: 64 KiB at most. */
            script: string;
            /**
             * @description Variables of the workspace whose values are secrets and which it gets. It gets no others of these. What it makes,
             *     and what steps after it make, is kept for no other workspace.
             */
            secrets?: components["schemas"]["VariableName"][];
            /**
             * Format: int32
             * @description Seconds that it may take: 1 to 86,400. Absent: `workspaces.step_timeout`.
             */
            timeout_secs?: number | null;
        };
        /**
         * @description What an installation does just now.
         * @enum {string}
         */
        InstallActivity: "waiting" | "downloading" | "unpacking" | "checking";
        /** @description A version that is on the machine. */
        InstalledVersion: {
            /**
             * Format: int64
             * @description Bytes of its files.
             */
            bytes: number;
            /** @description The first 8 hexadecimal digits of the SHA-256 of its plan: one version may be installed by different plans. */
            digest: string;
            /** @description When it was found to work. */
            installed_at: components["schemas"]["Timestamp"];
            /** @description As its plan names it. */
            version: string;
        };
        /** @description What an installation would do. */
        InstallOutline: {
            /** @description The command that shows that it works, with its arguments. */
            check: string[];
            /** @description The directory on the server into which it goes. */
            directory: string;
            /** @description What would be fetched, in order. */
            downloads: components["schemas"]["OutlinedDownload"][];
            /** @description It is there already: nothing would be done. */
            installed: boolean;
            /** @description The version. */
            version: string;
        };
        /**
         * @description How the programs of a harness stand.
         * @enum {string}
         */
        InstallPhase: "not_needed" | "absent" | "installing" | "installed" | "failed" | "unknown";
        /** @description How far an installation is. */
        InstallProgress: {
            /** @description What is being done. */
            activity: components["schemas"]["InstallActivity"];
            /**
             * Format: int64
             * @description Bytes of the step that are done.
             */
            done: number;
            /**
             * Format: int32
             * @description 1 for the first step.
             */
            step: number;
            /**
             * Format: int32
             * @description How many steps there are; the last is the check.
             */
            steps: number;
            /** @description What it is done with: the name of a file. */
            subject: string;
            /**
             * Format: int64
             * @description Bytes of the whole step, where they are known.
             */
            total?: number | null;
        };
        /** @description How a harness is installed. */
        InstallRequest: {
            /** @description Whether nothing is done, and only told what would be. */
            dry_run?: boolean;
        };
        /**
         * @description What the vault's master key is made of.
         * @enum {string}
         */
        KeyKind: "file" | "variable" | "passphrase";
        /**
         * @description Where in a request a provider wants its key.
         * @enum {string}
         */
        KeyPlace: "x_api_key" | "bearer" | "x_goog_api_key" | "api_key" | "none";
        /** @description Something that a backend keeps of a workspace that is not there. */
        Leftover: {
            /** @description The backend that keeps it. */
            backend: components["schemas"]["PluginId"];
            /** @description The id that the workspace had. */
            workspace: components["schemas"]["WorkspaceId"];
        };
        /** @description A whole list. */
        List_Account: {
            /** @description The entries in the list's order. */
            items: {
                /** @description Where the provider is, of those that are not in one place for all. */
                base_url?: string | null;
                /** @description When it was added. */
                created_at: components["schemas"]["Timestamp"];
                /** @description What it shows there. */
                credential: components["schemas"]["Credential"];
                /** @description Whether it is used. */
                enabled: boolean;
                /** @description How it stands. */
                health: components["schemas"]["AccountHealth"];
                /** @description The models that it is used for. Empty: all. */
                models?: components["schemas"]["ModelPattern"][];
                /** @description Its name. */
                name: components["schemas"]["AccountName"];
                owner?: components["schemas"]["UserId"] | null;
                /**
                 * Format: int32
                 * @description Its place among all accounts: those before it are used first.
                 */
                position: number;
                /** @description Whose it is. */
                provider: components["schemas"]["ProviderId"];
                /** @description When anything of it but its health and its place was last changed. */
                updated_at: components["schemas"]["Timestamp"];
            }[];
        };
        /** @description A whole list. */
        List_ApprovalRule: {
            /** @description The entries in the list's order. */
            items: {
                /** @description When. */
                created_at: components["schemas"]["Timestamp"];
                expires_at?: components["schemas"]["Timestamp"] | null;
                /** @description Its id. */
                id: components["schemas"]["RuleId"];
                /** @description Who made it. */
                made_by: components["schemas"]["UserId"];
                /**
                 * @description The subject, in which `*` stands for any text. In a command it stands for nothing that would join another command
                 *     to it.
                 */
                pattern: string;
                /** @description Where it holds. */
                scope: components["schemas"]["RuleScope"];
                /** @description What kind of tool it is about. */
                tool_kind: components["schemas"]["ToolKind"];
                /** @description What it says. */
                verdict: components["schemas"]["Verdict"];
            }[];
        };
        /** @description A whole list. */
        List_Ask: {
            /** @description The entries in the list's order. */
            items: ((components["schemas"]["Approval"] & {
                /** @enum {string} */
                kind: "approval";
            }) | (components["schemas"]["Question"] & {
                /** @enum {string} */
                kind: "question";
            }))[];
        };
        /** @description A whole list. */
        List_Event: {
            /** @description The entries in the list's order. */
            items: (components["schemas"]["EventBody"] & {
                /** @description When the server wrote it. */
                at: components["schemas"]["Timestamp"];
                /** @description The mission. */
                mission: components["schemas"]["MissionId"];
                /** @description Its place in the mission's log: 1, 2, 3 … without a gap. */
                seq: components["schemas"]["Seq"];
                /**
                 * Format: int32
                 * @description The turn it belongs to; 0 before the first.
                 */
                turn: number;
            })[];
        };
        /** @description A whole list. */
        List_HarnessInfo: {
            /** @description The entries in the list's order. */
            items: {
                about?: components["schemas"]["HarnessAbout"] | null;
                /** @description The version that the plugin is configured to use; absent where nothing has to be installed. */
                configured?: string | null;
                /** @description Whether missions take it that name none. */
                default?: boolean;
                /** @description Its plugin. */
                id: components["schemas"]["PluginId"];
                /** @description What is installed, the latest first. */
                installed: components["schemas"]["InstalledVersion"][];
                last_good?: components["schemas"]["GoodRun"] | null;
                /** @description How its programs stand. */
                phase: components["schemas"]["InstallPhase"];
                /** @description The version that it stays with, whatever is configured. */
                pinned?: string | null;
                problem?: components["schemas"]["Failure"] | null;
                progress?: components["schemas"]["InstallProgress"] | null;
                test?: components["schemas"]["HarnessTest"] | null;
            }[];
        };
        /** @description A whole list. */
        List_Leftover: {
            /** @description The entries in the list's order. */
            items: {
                /** @description The backend that keeps it. */
                backend: components["schemas"]["PluginId"];
                /** @description The id that the workspace had. */
                workspace: components["schemas"]["WorkspaceId"];
            }[];
        };
        /** @description A whole list. */
        List_Model: {
            /** @description The entries in the list's order. */
            items: {
                /** @description Other names of it that the provider takes. */
                aliases?: string[];
                /**
                 * Format: int64
                 * @description The most tokens of input and output together, or of input alone where the provider counts so.
                 */
                context_tokens?: number | null;
                /** @description The formats in which it can be asked. Empty: all of the provider's. */
                formats?: components["schemas"]["WireFormat"][];
                /** @description The provider's name for it. */
                id: string;
                /**
                 * Format: int64
                 * @description The most tokens of one answer.
                 */
                max_output_tokens?: number | null;
                /** @description What it costs, by day. Empty: that is not known. */
                prices: components["schemas"]["Price"][];
                /** @description Whose it is. */
                provider: components["schemas"]["ProviderId"];
                /** @description Its name for people. */
                title: string;
            }[];
        };
        /** @description A whole list. */
        List_OpenAsk: {
            /** @description The entries in the list's order. */
            items: {
                /** @description What it asks. */
                ask: components["schemas"]["Ask"];
                /** @description The mission whose agent asks. */
                mission: components["schemas"]["MissionId"];
            }[];
        };
        /** @description A whole list. */
        List_PluginInfo: {
            /** @description The entries in the list's order. */
            items: {
                before?: components["schemas"]["PluginVersion"] | null;
                /** @description The component's file as configured. */
                component: string;
                /** @description How it has been used. */
                counters: components["schemas"]["PluginCounters"];
                /** @description The description in its manifest. */
                description?: string | null;
                /** @description SHA-256 of the component, in hex; absent when it could not be read. */
                digest?: string | null;
                /** @description What the operator granted. */
                grants: components["schemas"]["Grants"];
                /** @description How well it is. */
                health: components["schemas"]["PluginHealth"];
                /** @description Its name. */
                id: components["schemas"]["PluginId"];
                /** @description What its component imports. */
                imports: components["schemas"]["PluginImport"][];
                /** @description What it is for. */
                kind: components["schemas"]["PluginKind"];
                loaded_at?: components["schemas"]["Timestamp"] | null;
                reason?: components["schemas"]["Failure"] | null;
                /** @description What its manifest asks for. */
                requests: components["schemas"]["PluginRequest"][];
                trial?: components["schemas"]["PluginTrial"] | null;
                /** @description The version in its manifest. */
                version?: string | null;
            }[];
        };
        /** @description A whole list. */
        List_Provider: {
            /** @description The entries in the list's order. */
            items: {
                /**
                 * @description In which formats it is asked, and where: what stands before the format's own path, as the official clients of the format
                 *     take it, without a slash at its end. What follows is `/v1/messages`, `/chat/completions`, `/responses` or
                 *     `/v1beta/models/MODEL:generateContent`. A URL may begin with `{base}`, which is the base URL that the account gives.
                 */
                endpoints: {
                    [key: string]: string;
                };
                /** @description Formats in which it wants it elsewhere. */
                format_keys?: {
                    [key: string]: components["schemas"]["KeyPlace"];
                };
                /** @description Whether it charges nothing, whatever the model. */
                free?: boolean;
                /** @description Its name. */
                id: components["schemas"]["ProviderId"];
                /** @description Where it wants its key. */
                key: components["schemas"]["KeyPlace"];
                /** @description The variable in which its programs look for a key. */
                key_variable?: string | null;
                /** @description The page where people get keys. */
                keys_page?: string | null;
                /** @description Where it lists its models to whoever shows a key. May begin with `{base}`. */
                models_url?: string | null;
                sign_in?: components["schemas"]["SignIn"] | null;
                /** @description Its name for people. */
                title: string;
                /** @description Whether models that the catalogue does not know may be asked. */
                unlisted_models: boolean;
            }[];
        };
        /** @description A whole list. */
        List_QueuedMessage: {
            /** @description The entries in the list's order. */
            items: {
                /** @description The files that come along. */
                attachments?: components["schemas"]["MessageAttachment"][];
                /** @description When it was added. */
                created_at: components["schemas"]["Timestamp"];
                /** @description The message. */
                id: components["schemas"]["MessageId"];
                /** @description Whether it is for the turn that is under way, where the agent can be told something in the middle of one. */
                steer?: boolean;
                /** @description What the person wrote. */
                text: string;
            }[];
        };
        /** @description A whole list. */
        List_Secret: {
            /** @description The entries in the list's order. */
            items: {
                /**
                 * @description Who may use it. Of one of `[secrets]` the configuration says that: `workspaces.secrets`, `[git.credentials]` and the
                 *     grants of plugins.
                 */
                audience: components["schemas"]["Audience"][];
                created_at?: components["schemas"]["Timestamp"] | null;
                /** @description What it is for. */
                description?: string;
                /** @description Where its value is kept. */
                kept: components["schemas"]["SecretKept"];
                last_used_at?: components["schemas"]["Timestamp"] | null;
                /** @description Its name. */
                name: string;
                problem?: components["schemas"]["Failure"] | null;
                updated_at?: components["schemas"]["Timestamp"] | null;
                /**
                 * Format: int64
                 * @description Which value it has, counted from 1. Only of one in the vault.
                 */
                version?: number | null;
            }[];
        };
        /** @description A whole list. */
        List_SkillInfo: {
            /** @description The entries in the list's order. */
            items: {
                /**
                 * Format: int64
                 * @description Bytes of them together.
                 */
                bytes: number;
                /** @description What it is for, as its SKILL.md says. */
                description: string;
                /**
                 * Format: int32
                 * @description How many files it has.
                 */
                files: number;
                /** @description Its name. */
                name: components["schemas"]["SkillName"];
                /** @description When it was last put there. */
                updated_at: components["schemas"]["Timestamp"];
            }[];
        };
        /** @description A whole list. */
        List_TokenInfo: {
            /** @description The entries in the list's order. */
            items: {
                /** @description When it was made. */
                created_at: components["schemas"]["Timestamp"];
                expires_at?: components["schemas"]["Timestamp"] | null;
                /** @description The token. */
                id: components["schemas"]["TokenId"];
                last_used_at?: components["schemas"]["Timestamp"] | null;
                /** @description What it is for, in its owner's words. */
                name: string;
                /** @description What it may be used for. */
                scope: components["schemas"]["Scope"];
            }[];
        };
        /** @description A whole list. */
        List_Tool: {
            /** @description The entries in the list's order. */
            items: {
                /** @description For the model that chooses a tool. */
                description: string;
                /** @description It may destroy something. */
                destructive: boolean;
                /** @description JSON Schema of the arguments. */
                input_schema: Record<string, never>;
                /** @description Unique within the plugin. */
                name: string;
                /** @description It changes nothing. */
                read_only: boolean;
            }[];
        };
        /** @description A whole list. */
        List_WorkspacePort: {
            /** @description The entries in the list's order. */
            items: {
                /** @description What it is, if that was declared. */
                label?: string | null;
                /** @description Whether something listens now. */
                listening: boolean;
                name?: components["schemas"]["PortName"] | null;
                /** @description Its number. */
                port: components["schemas"]["PortNumber"];
                /** @description The name of the process that listens, where it can be told. It is whatever the process calls itself. */
                process?: string | null;
                /** @description What is spoken there; `http` where nothing was declared. */
                protocol: components["schemas"]["PortProtocol"];
            }[];
        };
        /** @description Who wants to log in. */
        Login: {
            name: string;
            /** Format: password */
            password: string;
        };
        /** @description Prices of all tokens of a request whose input, cached or not, is longer than this. */
        LongContext: {
            /**
             * Format: int64
             * @description The longest input at the ordinary prices.
             */
            input_tokens: number;
            /** @description The prices above it. */
            rates: components["schemas"]["Rates"];
        };
        /** @description The address of a server of tools. */
        McpAddress: {
            /** @description The name of the secret that is sent to it as a bearer token. It is for workspaces, or `workspaces.secrets` lists it. */
            token?: string | null;
            /** @description An http or https address, without a user and a password. */
            url: string;
        };
        /** @description A server of tools that is a program. */
        McpProgram: {
            /** @description Its arguments. */
            args?: string[];
            /**
             * @description Its variables, besides those of the agent. Secrets are no business of these: the workspace's own variables are the
             *     place for them.
             */
            env?: {
                [key: string]: string;
            };
            /** @description The program, as processes of the workspace find it. */
            program: string;
        };
        /** @description A server of the Model Context Protocol that agents of a workspace use: an address, or a program in the workspace. */
        McpServer: components["schemas"]["McpAddress"] | components["schemas"]["McpProgram"];
        /** @description On whose behalf a request is made. */
        Me: {
            name: string;
            /** @description How far this credential goes. */
            scope: components["schemas"]["Scope"];
            user: components["schemas"]["UserId"];
        };
        /** @description Text is appended to a message. */
        Message: {
            /** @description The files that came with a person's message. */
            attachments?: components["schemas"]["MessageAttachment"][];
            /** @description Which message; unique in its mission. */
            id: string;
            /** @description The tool call within which it is said, a sub-agent's for instance. */
            parent?: string | null;
            /** @description Who speaks. */
            role: components["schemas"]["MessageRole"];
            /** @description What is appended. */
            text: string;
        };
        /** @description A file that came with a message. */
        MessageAttachment: {
            /** @description The attachment. */
            id: components["schemas"]["AttachmentId"];
            /** @description What it is. */
            media_type: string;
            /** @description As the person called it. */
            name: string;
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
        };
        /**
         * Format: uuid
         * @description A message of a mission, queued or sent.
         */
        MessageId: string;
        /** @description A message that is sent. */
        MessageRequest: {
            /** @description The files that come with it. None can with `steer`. */
            attachments?: components["schemas"]["AttachmentId"][];
            /**
             * @description Whether it is for the turn that is under way, if there is one and its agent can be told something in the middle of
             *     one. Otherwise it waits for its turn.
             */
            steer?: boolean;
            text: string;
        };
        /**
         * @description Who speaks.
         * @enum {string}
         */
        MessageRole: "user" | "agent" | "system";
        /** @description A message. */
        MessageText: {
            text: string;
        };
        /** @description A mission as it stands. */
        Mission: {
            /** @description Whether the agent asks before it does what may do harm. */
            approvals?: components["schemas"]["ApprovalMode"];
            /** @description When it was made. */
            created_at: components["schemas"]["Timestamp"];
            /** @description How hard the model is to think. */
            effort?: string | null;
            /** @description The harness that drives the agent. */
            harness: components["schemas"]["PluginId"];
            /** @description The mission. */
            id: components["schemas"]["MissionId"];
            last_outcome?: components["schemas"]["TurnOutcome"] | null;
            last_output_at?: components["schemas"]["Timestamp"] | null;
            /** @description Place of its last event. */
            last_seq: components["schemas"]["Seq"];
            /** @description What it is to do with what it is asked. */
            mode?: components["schemas"]["WorkMode"];
            /** @description The model asked for. */
            model?: string | null;
            /** @description Whether it ends with its first turn. */
            one_shot: boolean;
            /**
             * Format: int32
             * @description Things that the agent asked and that wait for an answer.
             */
            open_asks?: number;
            /** @description Who made it. */
            owner: components["schemas"]["UserId"];
            parked?: components["schemas"]["Parked"] | null;
            problem?: components["schemas"]["Failure"] | null;
            /**
             * Format: int32
             * @description Messages that wait in its queue.
             */
            queued_messages: number;
            /**
             * Format: int64
             * @description A number that grows with each change of any mission on this server.
             */
            revision: number;
            /** @description Settings for the harness. */
            settings: Record<string, never>;
            /** @description A turn is under way and its process has printed nothing for the configured time. */
            stalled: boolean;
            /** @description Where it stands. */
            state: components["schemas"]["MissionState"];
            /** @description A line for a person; made from the first message unless given. */
            title: string;
            /**
             * Format: int32
             * @description Turns begun so far.
             */
            turns: number;
            /** @description When anything of it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /** @description What it used so far. */
            usage: components["schemas"]["Usage"];
            /** @description The workspace in which it runs. */
            workspace: components["schemas"]["WorkspaceId"];
            /** @description Whether it works in a worktree of its own of the workspace's repository, `missions/ID` on the branch `sandboxed/ID`. */
            worktree?: boolean;
        };
        /** @description What is changed of a mission; what is absent stays. */
        MissionChange: {
            approvals?: components["schemas"]["ApprovalMode"] | null;
            /** @description How hard the model is to think in the next turns; null leaves it to the harness. */
            effort?: string | null;
            mode?: components["schemas"]["WorkMode"] | null;
            /** @description The model of the next turns; null leaves it to the harness. */
            model?: string | null;
            /** @description A line for a person. */
            title?: string | null;
        };
        /**
         * Format: uuid
         * @description A mission.
         */
        MissionId: string;
        /** @description A mission that is wanted. */
        MissionRequest: {
            approvals?: components["schemas"]["ApprovalMode"] | null;
            /** @description The files that come with it. */
            attachments?: components["schemas"]["AttachmentId"][];
            /** @description How hard the model is to think, as the harness names it. */
            effort?: string | null;
            harness?: components["schemas"]["PluginId"] | null;
            id?: components["schemas"]["MissionId"] | null;
            /** @description What it is to do with what it is asked. */
            mode?: components["schemas"]["WorkMode"];
            /** @description The model, where the harness lets it be chosen. */
            model?: string | null;
            /** @description Whether it ends with its first turn. */
            one_shot?: boolean;
            /** @description The first message. */
            prompt: string;
            /** @description Settings for the harness, by its own schema. */
            settings?: {
                [key: string]: unknown;
            };
            /** @description A line for a person; absent makes one from the prompt. */
            title?: string | null;
            workspace?: components["schemas"]["WorkspaceRef"] | null;
            /** @description Whether it works in a worktree of its own of the workspace's repository, on a branch of its own. */
            worktree?: boolean;
        };
        /**
         * @description Where a mission stands.
         * @enum {string}
         */
        MissionState: "queued" | "running" | "awaiting_user" | "awaiting_approval" | "parked" | "interrupted" | "done" | "failed" | "cancelled";
        /** @description A model of a provider. */
        Model: {
            /** @description Other names of it that the provider takes. */
            aliases?: string[];
            /**
             * Format: int64
             * @description The most tokens of input and output together, or of input alone where the provider counts so.
             */
            context_tokens?: number | null;
            /** @description The formats in which it can be asked. Empty: all of the provider's. */
            formats?: components["schemas"]["WireFormat"][];
            /** @description The provider's name for it. */
            id: string;
            /**
             * Format: int64
             * @description The most tokens of one answer.
             */
            max_output_tokens?: number | null;
            /** @description What it costs, by day. Empty: that is not known. */
            prices: components["schemas"]["Price"][];
            /** @description Whose it is. */
            provider: components["schemas"]["ProviderId"];
            /** @description Its name for people. */
            title: string;
        };
        /** @description Names of models: 1 to 200 visible ASCII characters, of which each `*` stands for any characters or none. */
        ModelPattern: string;
        /** @description A request to a model. */
        ModelRequest: {
            /** @description The account that was used. */
            account: components["schemas"]["AccountName"];
            /** @description The model that answered, in the answer's words. */
            answered_model?: string | null;
            /**
             * Format: int64
             * @description What it cost. Absent: that is not known, or not yet.
             */
            cost_micro_usd?: number | null;
            end?: components["schemas"]["RequestEnd"] | null;
            /** @description What it used is not known, and its cost is what was set aside for it. */
            estimated: boolean;
            /**
             * Format: int64
             * @description After how many milliseconds the answer began.
             */
            first_byte_ms?: number | null;
            /** @description In which format. */
            format: components["schemas"]["WireFormat"];
            /** @description What drives its agent. */
            harness: components["schemas"]["PluginId"];
            /** @description The request. */
            id: components["schemas"]["RequestId"];
            /** @description The mission that asked. */
            mission: components["schemas"]["MissionId"];
            /** @description The model that the provider was asked for. */
            model: string;
            /** @description The mission's owner. */
            owner: components["schemas"]["UserId"];
            price_from?: components["schemas"]["Day"] | null;
            /** @description The account's provider. */
            provider: components["schemas"]["ProviderId"];
            /**
             * Format: int64
             * @description What was set aside for it. Absent: its price was not known.
             */
            reserved_micro_usd?: number | null;
            /** @description When it began. */
            started_at: components["schemas"]["Timestamp"];
            /**
             * Format: int32
             * @description The status of the provider's answer, where there was one.
             */
            status?: number | null;
            tokens?: components["schemas"]["Tokens"] | null;
            /**
             * Format: int64
             * @description How many milliseconds it took. Absent while it is under way.
             */
            took_ms?: number | null;
            /**
             * Format: int32
             * @description In which of its turns.
             */
            turn: number;
            /** @description The provider's name for it, for asking the provider about it. */
            upstream_request_id?: string | null;
            /** @description Where it runs. */
            workspace: components["schemas"]["WorkspaceId"];
        };
        /** @description A directory of the server's machine that a workspace sees. */
        Mount: {
            /** @description The directory: an absolute path without links, below a directory of `workspaces.mounts`. */
            source: string;
            /**
             * @description Where processes find it: `/mnt/NAME`. With the backend host, which has no `/mnt` of its own, it is
             *     `/run/sandboxed-sh/workspace/mnt-NAME` where the server is root, and else the source itself.
             */
            target: string;
            /** @description Whether they may write to it. What they write, every other user of the directory sees. */
            writable?: boolean;
        };
        /** @description A file that gets another name or place. */
        MoveRequest: {
            /** @description Its path from the workspace's tree. */
            from: string;
            /** @description Whether it takes the place of a file that is there, or a directory that of an empty one. */
            overwrite?: boolean;
            /** @description Its path afterwards. */
            to: string;
        };
        /**
         * @description How much a workspace reaches.
         * @enum {string}
         */
        NetworkMode: "none" | "allow" | "open" | "shared";
        /** @description What a workspace reaches. */
        NetworkPolicy: {
            /** @description With `allow`: `host:port`, where `*.example.org` stands for every name below and port `*` for every port. */
            allow?: string[];
            /** @description How much. */
            mode: components["schemas"]["NetworkMode"];
            via?: components["schemas"]["NetworkVia"] | null;
        };
        /**
         * @description A network by which workspaces reach what they reach, in place of the machine's own.
         * @enum {string}
         */
        NetworkVia: "tailnet" | "exit_node";
        /** @description A token that is wanted. */
        NewToken: {
            expires_at?: components["schemas"]["Timestamp"] | null;
            /** @description What it is for. */
            name: string;
            /** @description How far it goes; at most as far as the credential that makes it. */
            scope: components["schemas"]["Scope"];
        };
        /** @description A remark. */
        Notice: {
            /** @description Stable, dotted: programs may match on it. */
            code: string;
            /** @description How much it matters. */
            level: components["schemas"]["NoticeLevel"];
            /** @description One sentence. */
            text: string;
        };
        /**
         * @description How much a remark matters.
         * @enum {string}
         */
        NoticeLevel: "info" | "warning" | "error";
        /** @description Something that waits for an answer. */
        OpenAsk: {
            /** @description What it asks. */
            ask: components["schemas"]["Ask"];
            /** @description The mission whose agent asks. */
            mission: components["schemas"]["MissionId"];
        };
        /** @description A way in for a browser. */
        Opened: {
            /** @description When it ends if it is not used. */
            expires_at: components["schemas"]["Timestamp"];
            /**
             * Format: uri
             * @description The address to go to. It is good once.
             */
            url: string;
        };
        /** @description A port on which something began to listen. */
        OpenedPort: {
            /** @description Its number. */
            port: components["schemas"]["PortNumber"];
            /** @description The name of the process that listens, where it can be told. It is whatever the process calls itself. */
            process?: string | null;
        };
        /** @description Where a browser shall go. */
        OpenRequest: {
            /** @description A path of the service, with a query where it has one; `/` where absent. */
            path?: string | null;
        };
        /** @description Something that the harness does not know. */
        Other: {
            /** @description The agent's name for it. */
            name: string;
            /** @description What the agent said. */
            value: unknown;
        };
        /** @description Something that an installation would fetch. */
        OutlinedDownload: {
            /** @description The address, or the path of a file of the mirror. */
            from: string;
            /** @description `sha512-` or `sha256-` and the digest in base64. */
            integrity: string;
            /** @description The directory into which it goes, relative to that of the installation; empty is that itself. */
            into: string;
            /** @description Names under which a mirror may hold it. */
            names: string[];
            /**
             * Format: int64
             * @description Bytes that are there already.
             */
            present: number;
            /** @description Where it is now. */
            state: components["schemas"]["DownloadState"];
        };
        /**
         * @description One of the two streams that a process prints on.
         * @enum {string}
         */
        OutputStream: "stdout" | "stderr";
        /** @description A part of a list. */
        Page_AuditEntry: {
            /** @description The entries in the list's order. */
            items: {
                /** @description What was asked for: method and route, or an action of the server's own. */
                action: string;
                /** @description When. */
                at: components["schemas"]["Timestamp"];
                /** @description How it came out: an HTTP status or a word. */
                outcome: string;
                /** @description On what. */
                target?: string | null;
                user?: components["schemas"]["UserId"] | null;
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_Budget: {
            /** @description The entries in the list's order. */
            items: {
                /**
                 * Format: int64
                 * @description What may be spent, in micro-dollars.
                 */
                limit_micro_usd: number;
                /** @description In which time. */
                period: components["schemas"]["BudgetPeriod"];
                /**
                 * Format: int64
                 * @description What is set aside for requests that are under way.
                 */
                reserved_micro_usd: number;
                resets_at?: components["schemas"]["Timestamp"] | null;
                /** @description Whose requests it counts. */
                scope: components["schemas"]["BudgetScope"];
                /**
                 * Format: int64
                 * @description What requests that began in the present period have cost.
                 */
                spent_micro_usd: number;
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_Build: {
            /** @description The entries in the list's order. */
            items: {
                /** @description When it was asked for. */
                created_at: components["schemas"]["Timestamp"];
                ended_at?: components["schemas"]["Timestamp"] | null;
                /** @description The build. */
                id: components["schemas"]["BuildId"];
                /**
                 * @description Whether it works on what is in the workspace already. Else the workspace begins empty, and results of steps are taken
                 *     from other workspaces and kept for them.
                 */
                in_place: boolean;
                /** @description Who asked for it. */
                owner: components["schemas"]["UserId"];
                problem?: components["schemas"]["Failure"] | null;
                /** @description How it stands. */
                state: components["schemas"]["BuildState"];
                /** @description Its steps, in their order. They are numbered from 1. */
                steps: components["schemas"]["BuildStep"][];
                /** @description The workspace that it makes. */
                workspace: components["schemas"]["WorkspaceId"];
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_EventHit: {
            /** @description The entries in the list's order. */
            items: {
                /** @description The event. */
                event: components["schemas"]["Event"];
                /** @description A part of its text around the first word that was looked for. */
                snippet: string;
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_FileEntry: {
            /** @description The entries in the list's order. */
            items: {
                /** @description The version of a file: for `If-Match`, between double quotes. */
                etag: string;
                /** @description What it is. */
                kind: components["schemas"]["FileKind"];
                /** @description Where a link leads, as it is written in it. */
                link_target?: string | null;
                /**
                 * Format: int32
                 * @description Permission bits, with set-user-id, set-group-id and sticky.
                 */
                mode: number;
                /** @description When the content changed last, by the word of whoever changed it. */
                modified: components["schemas"]["Timestamp"];
                /** @description Its name, with `%XX` where it is no text; empty for the tree itself. */
                name: string;
                /** @description Its path from the tree, written the same way. */
                path: string;
                /**
                 * Format: int64
                 * @description Bytes of content; 0 for anything but a file.
                 */
                size: number;
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_Mission: {
            /** @description The entries in the list's order. */
            items: {
                /** @description Whether the agent asks before it does what may do harm. */
                approvals?: components["schemas"]["ApprovalMode"];
                /** @description When it was made. */
                created_at: components["schemas"]["Timestamp"];
                /** @description How hard the model is to think. */
                effort?: string | null;
                /** @description The harness that drives the agent. */
                harness: components["schemas"]["PluginId"];
                /** @description The mission. */
                id: components["schemas"]["MissionId"];
                last_outcome?: components["schemas"]["TurnOutcome"] | null;
                last_output_at?: components["schemas"]["Timestamp"] | null;
                /** @description Place of its last event. */
                last_seq: components["schemas"]["Seq"];
                /** @description What it is to do with what it is asked. */
                mode?: components["schemas"]["WorkMode"];
                /** @description The model asked for. */
                model?: string | null;
                /** @description Whether it ends with its first turn. */
                one_shot: boolean;
                /**
                 * Format: int32
                 * @description Things that the agent asked and that wait for an answer.
                 */
                open_asks?: number;
                /** @description Who made it. */
                owner: components["schemas"]["UserId"];
                parked?: components["schemas"]["Parked"] | null;
                problem?: components["schemas"]["Failure"] | null;
                /**
                 * Format: int32
                 * @description Messages that wait in its queue.
                 */
                queued_messages: number;
                /**
                 * Format: int64
                 * @description A number that grows with each change of any mission on this server.
                 */
                revision: number;
                /** @description Settings for the harness. */
                settings: Record<string, never>;
                /** @description A turn is under way and its process has printed nothing for the configured time. */
                stalled: boolean;
                /** @description Where it stands. */
                state: components["schemas"]["MissionState"];
                /** @description A line for a person; made from the first message unless given. */
                title: string;
                /**
                 * Format: int32
                 * @description Turns begun so far.
                 */
                turns: number;
                /** @description When anything of it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /** @description What it used so far. */
                usage: components["schemas"]["Usage"];
                /** @description The workspace in which it runs. */
                workspace: components["schemas"]["WorkspaceId"];
                /** @description Whether it works in a worktree of its own of the workspace's repository, `missions/ID` on the branch `sandboxed/ID`. */
                worktree?: boolean;
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_ModelRequest: {
            /** @description The entries in the list's order. */
            items: {
                /** @description The account that was used. */
                account: components["schemas"]["AccountName"];
                /** @description The model that answered, in the answer's words. */
                answered_model?: string | null;
                /**
                 * Format: int64
                 * @description What it cost. Absent: that is not known, or not yet.
                 */
                cost_micro_usd?: number | null;
                end?: components["schemas"]["RequestEnd"] | null;
                /** @description What it used is not known, and its cost is what was set aside for it. */
                estimated: boolean;
                /**
                 * Format: int64
                 * @description After how many milliseconds the answer began.
                 */
                first_byte_ms?: number | null;
                /** @description In which format. */
                format: components["schemas"]["WireFormat"];
                /** @description What drives its agent. */
                harness: components["schemas"]["PluginId"];
                /** @description The request. */
                id: components["schemas"]["RequestId"];
                /** @description The mission that asked. */
                mission: components["schemas"]["MissionId"];
                /** @description The model that the provider was asked for. */
                model: string;
                /** @description The mission's owner. */
                owner: components["schemas"]["UserId"];
                price_from?: components["schemas"]["Day"] | null;
                /** @description The account's provider. */
                provider: components["schemas"]["ProviderId"];
                /**
                 * Format: int64
                 * @description What was set aside for it. Absent: its price was not known.
                 */
                reserved_micro_usd?: number | null;
                /** @description When it began. */
                started_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int32
                 * @description The status of the provider's answer, where there was one.
                 */
                status?: number | null;
                tokens?: components["schemas"]["Tokens"] | null;
                /**
                 * Format: int64
                 * @description How many milliseconds it took. Absent while it is under way.
                 */
                took_ms?: number | null;
                /**
                 * Format: int32
                 * @description In which of its turns.
                 */
                turn: number;
                /** @description The provider's name for it, for asking the provider about it. */
                upstream_request_id?: string | null;
                /** @description Where it runs. */
                workspace: components["schemas"]["WorkspaceId"];
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_Process: {
            /** @description The entries in the list's order. */
            items: {
                /** @description The program and its arguments. */
                command: string[];
                /** @description When it was started. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Where it began, relative to the workspace's tree; absent is the tree itself. */
                cwd?: string | null;
                ended_at?: components["schemas"]["Timestamp"] | null;
                exit?: components["schemas"]["Exit"] | null;
                /** @description The process, as a run. */
                id: components["schemas"]["RunId"];
                /** @description Who started it. */
                owner: components["schemas"]["UserId"];
                tty?: components["schemas"]["Tty"] | null;
                /** @description Where it runs. */
                workspace: components["schemas"]["WorkspaceId"];
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_SecretUse: {
            /** @description The entries in the list's order. */
            items: {
                /**
                 * Format: int64
                 * @description How often.
                 */
                count: number;
                /** @description The first time. */
                first_at: components["schemas"]["Timestamp"];
                /** @description The last time. */
                last_at: components["schemas"]["Timestamp"];
                /** @description What for, where there is more to say: the workspace, or the host of a request. */
                purpose?: string;
                /** @description Who: `mission:ID`, `workspace:ID`, `plugin:ID`, `git:HOST` or `provider:NAME`. */
                user: string;
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_Snapshot: {
            /** @description The entries in the list's order. */
            items: {
                /** @description When it was made. */
                created_at: components["schemas"]["Timestamp"];
                /** @description The snapshot. */
                id: components["schemas"]["SnapshotId"];
                /** @description What it is for, in the words of whoever made it. */
                label?: string | null;
                /** @description Who made it. */
                owner: components["schemas"]["UserId"];
                /** @description The workspace as it was. */
                workspace: components["schemas"]["Workspace"];
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_SpendingSum: {
            /** @description The entries in the list's order. */
            items: {
                /**
                 * Format: int64
                 * @description What they cost, in micro-dollars.
                 */
                cost_micro_usd: number;
                /**
                 * Format: int64
                 * @description Requests whose cost is what was set aside for them.
                 */
                estimated_requests: number;
                /**
                 * Format: int64
                 * @description Requests that failed.
                 */
                failed_requests: number;
                /** @description Of what: a day, an id or a name. Empty for a sum of all. */
                key: string;
                /**
                 * Format: int64
                 * @description Requests.
                 */
                requests: number;
                /** @description What they used, as far as that is known. */
                tokens: components["schemas"]["Tokens"];
                /**
                 * Format: int64
                 * @description Requests whose cost is not known and not in the sum.
                 */
                unpriced_requests: number;
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_Template: {
            /** @description The entries in the list's order. */
            items: {
                /** @description When this version was made. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Whether the configuration declares it: then only the configuration changes it. */
                declared: boolean;
                /** @description What it is for. */
                description?: string;
                /** @description Its name. */
                name: components["schemas"]["TemplateName"];
                /**
                 * Format: int32
                 * @description Its version, counted from 1. A change makes the next one; a number is never used again for a name.
                 */
                version: number;
                /** @description What workspaces are made with. */
                workspace: components["schemas"]["Blueprint"];
            }[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description A part of a list. */
        Page_Workspace: {
            /** @description The entries in the list's order. */
            items: (components["schemas"]["Recipe"] & {
                /** @description The backend that isolates it. */
                backend: components["schemas"]["PluginId"];
                build?: components["schemas"]["BuildId"] | null;
                /** @description When it was made. */
                created_at: components["schemas"]["Timestamp"];
                drift?: components["schemas"]["Drift"] | null;
                /** @description The workspace. */
                id: components["schemas"]["WorkspaceId"];
                /** @description What its other directories begin with. */
                layers?: components["schemas"]["WorkspaceLayers"];
                /** @description What its processes may use. */
                limits: components["schemas"]["WorkspaceLimits"];
                /** @description Its name. */
                name: components["schemas"]["WorkspaceName"];
                /** @description What it reaches. */
                network: components["schemas"]["NetworkPolicy"];
                /** @description Options for the backend. */
                options: Record<string, never>;
                /** @description Who made it. */
                owner: components["schemas"]["UserId"];
                /** @description How far it exists, as last seen. */
                phase: components["schemas"]["WorkspacePhase"];
                /** @description Ports that are known before anything listens on them. */
                ports: components["schemas"]["DeclaredPort"][];
                problem?: components["schemas"]["Failure"] | null;
                root?: components["schemas"]["WorkspaceRoot"] | null;
                template?: components["schemas"]["TemplateUse"] | null;
                /**
                 * Format: int32
                 * @description The user id on the server's machine that its processes run as. Absent: the server's own, because the server may
                 *     not give others.
                 */
                user?: number | null;
            })[];
            /** @description Pass it as `cursor` to get the next part; absent at the end of the list. */
            next_cursor?: string | null;
        };
        /** @description What a parked mission waits for. */
        Parked: {
            /** @description What came to its end. */
            reason: components["schemas"]["ParkedReason"];
            until?: components["schemas"]["Timestamp"] | null;
        };
        /**
         * @description What came to its end, so that a mission was parked.
         * @enum {string}
         */
        ParkedReason: "usage_limit" | "budget";
        /** @description The agent's plan. */
        Plan: {
            /** @description The steps in order. */
            entries: components["schemas"]["PlanEntry"][];
        };
        /** @description One step of a plan. */
        PlanEntry: {
            /** @description How far it has come. */
            status: components["schemas"]["ToolStatus"];
            /** @description What is to be done. */
            text: string;
        };
        /** @description How a plugin has been used since the server started. */
        PluginCounters: {
            /**
             * Format: int64
             * @description Calls made.
             */
            calls: number;
            /**
             * Format: int64
             * @description Calls that returned a failure.
             */
            failures: number;
            /**
             * Format: int64
             * @description Times it was loaded anew.
             */
            reloads: number;
            /**
             * Format: int64
             * @description Calls that trapped, ran out of time or out of memory.
             */
            traps: number;
        };
        /**
         * @description How well a plugin is.
         * @enum {string}
         */
        PluginHealth: "ready" | "degraded" | "quarantined" | "disabled";
        /** @description The name of a plugin as `sandboxed.toml` gives it: 1 to 64 of `a-z`, `0-9` and `-`, starting with a letter. */
        PluginId: string;
        /** @description One interface that a plugin's component imports. */
        PluginImport: {
            /** @description The line in the plugin's table of `sandboxed.toml` that grants it; absent where no grant is needed. */
            grant?: string | null;
            /** @description Whether it is granted (always true where no grant is needed). */
            granted: boolean;
            /** @description The interface with its version: `sandboxed:host/log@0.1.0`. */
            interface: string;
            /** @description What it lets the plugin do, in plain words. */
            meaning: string;
        };
        /** @description A plugin as it stands. */
        PluginInfo: {
            before?: components["schemas"]["PluginVersion"] | null;
            /** @description The component's file as configured. */
            component: string;
            /** @description How it has been used. */
            counters: components["schemas"]["PluginCounters"];
            /** @description The description in its manifest. */
            description?: string | null;
            /** @description SHA-256 of the component, in hex; absent when it could not be read. */
            digest?: string | null;
            /** @description What the operator granted. */
            grants: components["schemas"]["Grants"];
            /** @description How well it is. */
            health: components["schemas"]["PluginHealth"];
            /** @description Its name. */
            id: components["schemas"]["PluginId"];
            /** @description What its component imports. */
            imports: components["schemas"]["PluginImport"][];
            /** @description What it is for. */
            kind: components["schemas"]["PluginKind"];
            loaded_at?: components["schemas"]["Timestamp"] | null;
            reason?: components["schemas"]["Failure"] | null;
            /** @description What its manifest asks for. */
            requests: components["schemas"]["PluginRequest"][];
            trial?: components["schemas"]["PluginTrial"] | null;
            /** @description The version in its manifest. */
            version?: string | null;
        };
        /**
         * @description What a plugin is for.
         * @enum {string}
         */
        PluginKind: "backend" | "harness" | "tools";
        /** @description What a plugin asks for in its manifest, with the reason. */
        PluginRequest: {
            /** @description The grant's name: `run`, `fetch`, `log` … */
            grant: string;
            /** @description The values asked for; empty where the grant has none. */
            values?: string[];
            /** @description Why. */
            why: string;
        };
        /** @description How the version in use does that has to prove itself. */
        PluginTrial: {
            /** @description When it came into use. */
            since: components["schemas"]["Timestamp"];
            /**
             * Format: int32
             * @description Calls of it that trapped.
             */
            traps: number;
            /**
             * Format: int32
             * @description With more of them it is rolled back.
             */
            traps_allowed: number;
            /** @description When it counts as good. */
            until: components["schemas"]["Timestamp"];
        };
        /** @description A version of a plugin that is kept. */
        PluginVersion: {
            /** @description SHA-256 of the component, in hex. */
            digest: string;
            /** @description The version in its manifest. */
            version?: string | null;
        };
        /** @description The name of a declared port: 1 to 32 of `a-z`, `0-9`, `-` and `_`, starting with a letter. */
        PortName: string;
        /**
         * Format: int32
         * @description The number of a TCP port: 1 to 65,535.
         */
        PortNumber: number;
        /**
         * @description What a service speaks to a browser.
         * @enum {string}
         */
        PortProtocol: "http" | "https";
        /** @description Something began to listen on ports of the workspace: the mission itself, or others that share the workspace with it. */
        PortsOpened: {
            /**
             * Format: int64
             * @description How many there were besides.
             */
            more?: number;
            /** @description The first of them. */
            opened: components["schemas"]["OpenedPort"][];
        };
        /** @description The ports that a workspace shall declare. */
        PortsRequest: {
            /** @description All of them: those that are not here are no longer declared. */
            ports: components["schemas"]["DeclaredPort"][];
        };
        /** @description What a model costs from a day on, until the next price. */
        Price: {
            above?: components["schemas"]["LongContext"] | null;
            /** @description The first day. */
            from: components["schemas"]["Day"];
            /** @description The prices. */
            rates: components["schemas"]["Rates"];
        };
        /** @description Why a request was not done, and what would mend it (RFC 9457). */
        Problem: {
            blame?: components["schemas"]["Blame"] | null;
            /** @description Stable, dotted, lower case. Programs may match on it. */
            code: string;
            /** @description One sentence for a person. Never holds a secret. */
            detail: string;
            /** @description The configuration line or command that mends it. */
            hint?: string | null;
            /** @description The id of the request; the server's log has the same. */
            instance: string;
            plugin?: components["schemas"]["PluginId"] | null;
            /**
             * Format: int32
             * @description Milliseconds after which a repeat may succeed.
             */
            retry_after_ms?: number | null;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The HTTP status in words. */
            title: string;
            /**
             * Format: uri-reference
             * @description Names the kind of problem: `https://sandboxed.sh/problems/` and the code.
             */
            type: string;
        };
        /** @description A process that was started in a workspace by a person or a program of theirs. */
        Process: {
            /** @description The program and its arguments. */
            command: string[];
            /** @description When it was started. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Where it began, relative to the workspace's tree; absent is the tree itself. */
            cwd?: string | null;
            ended_at?: components["schemas"]["Timestamp"] | null;
            exit?: components["schemas"]["Exit"] | null;
            /** @description The process, as a run. */
            id: components["schemas"]["RunId"];
            /** @description Who started it. */
            owner: components["schemas"]["UserId"];
            tty?: components["schemas"]["Tty"] | null;
            /** @description Where it runs. */
            workspace: components["schemas"]["WorkspaceId"];
        };
        /** @description A process that is wanted. */
        ProcessRequest: {
            /** @description The program and its arguments; absent or empty is a login shell. */
            command?: string[];
            /** @description Where it begins, relative to the workspace's tree. */
            cwd?: string | null;
            /** @description Its variables, besides those of the workspace. */
            env?: {
                [key: string]: string;
            };
            /** @description Whether it can be written to. One with a terminal always can. */
            stdin?: boolean;
            tty?: components["schemas"]["SizeRequest"] | null;
        };
        /** @description A provider of models. */
        Provider: {
            /**
             * @description In which formats it is asked, and where: what stands before the format's own path, as the official clients of the format
             *     take it, without a slash at its end. What follows is `/v1/messages`, `/chat/completions`, `/responses` or
             *     `/v1beta/models/MODEL:generateContent`. A URL may begin with `{base}`, which is the base URL that the account gives.
             */
            endpoints: {
                [key: string]: string;
            };
            /** @description Formats in which it wants it elsewhere. */
            format_keys?: {
                [key: string]: components["schemas"]["KeyPlace"];
            };
            /** @description Whether it charges nothing, whatever the model. */
            free?: boolean;
            /** @description Its name. */
            id: components["schemas"]["ProviderId"];
            /** @description Where it wants its key. */
            key: components["schemas"]["KeyPlace"];
            /** @description The variable in which its programs look for a key. */
            key_variable?: string | null;
            /** @description The page where people get keys. */
            keys_page?: string | null;
            /** @description Where it lists its models to whoever shows a key. May begin with `{base}`. */
            models_url?: string | null;
            sign_in?: components["schemas"]["SignIn"] | null;
            /** @description Its name for people. */
            title: string;
            /** @description Whether models that the catalogue does not know may be asked. */
            unlisted_models: boolean;
        };
        /** @description The name of a provider as the catalogue gives it: 1 to 64 of `a-z`, `0-9` and `-`, starting with a letter. */
        ProviderId: string;
        /** @description Commits that were pushed. */
        Pushed: {
            /** @description The branch there. */
            branch: string;
            /** @description The commit that it is at now. */
            commit: string;
            /** @description The repository. */
            url: string;
        };
        /** @description Where commits are pushed. */
        PushRequest: {
            /** @description The branch there; absent is `sandboxed/` and the mission's id. */
            branch?: string | null;
            /** @description Whether a branch that went another way is replaced. */
            force?: boolean;
            /** @description The repository; absent is the one that was cloned into the workspace's tree. */
            url?: string | null;
        };
        /** @description Something that an agent wants to know, for which it waits. */
        Question: {
            /** @description For each item what was chosen or written. */
            answers?: string[][] | null;
            by?: components["schemas"]["Decider"] | null;
            expires_at?: components["schemas"]["Timestamp"] | null;
            /** @description Its id. */
            id: components["schemas"]["AskId"];
            /** @description What is asked. */
            items: components["schemas"]["QuestionItem"][];
            /** @description How it stands. */
            status: components["schemas"]["AskStatus"];
            /** @description The tool call that waits. */
            tool_call?: string | null;
        };
        /** @description One of the questions that are asked together. */
        QuestionItem: {
            /** @description What can be chosen; empty where any text will do. */
            choices: components["schemas"]["Choice"][];
            /** @description A text of one's own will do as well. */
            free_text: boolean;
            /** @description Several can be chosen. */
            multiple: boolean;
            /** @description The question. */
            text: string;
        };
        /** @description A message that waits in a mission's queue. The queue's order is the order of sending. */
        QueuedMessage: {
            /** @description The files that come along. */
            attachments?: components["schemas"]["MessageAttachment"][];
            /** @description When it was added. */
            created_at: components["schemas"]["Timestamp"];
            /** @description The message. */
            id: components["schemas"]["MessageId"];
            /** @description Whether it is for the turn that is under way, where the agent can be told something in the middle of one. */
            steer?: boolean;
            /** @description What the person wrote. */
            text: string;
        };
        /** @description A queue's order. */
        QueueOrder: {
            /** @description Each message that waits, once, in the order of sending. */
            order: components["schemas"]["MessageId"][];
        };
        /** @description Prices by kind of token, in micro-dollars per million tokens: 3,000,000 is three dollars per million. */
        Rates: {
            /**
             * Format: int64
             * @description Input read from a cache.
             */
            cache_read: number;
            /**
             * Format: int64
             * @description Input written to a cache.
             */
            cache_write: number;
            /**
             * Format: int64
             * @description Input written to a cache that lasts an hour.
             */
            cache_write_1h: number;
            /**
             * Format: int64
             * @description Input that is in no cache.
             */
            input: number;
            /**
             * Format: int64
             * @description Output, reasoning included.
             */
            output: number;
        };
        /** @description What goes into a workspace besides its backend. */
        Recipe: {
            /**
             * @description Accounts of providers whose keys are in the environment of its missions themselves, and not behind the gateway: every
             *     process of them can read these keys, and nothing of what they use is counted.
             * @default []
             */
            direct_keys: components["schemas"]["AccountName"][];
            /**
             * @description Variables of all its processes.
             * @default {}
             */
            env: {
                [key: string]: components["schemas"]["EnvValue"];
            };
            /**
             * @description Scripts that are run in it, in this order, when it is made.
             * @default []
             */
            init: components["schemas"]["InitStep"][];
            /**
             * @description What agents of its missions are to keep to, besides what repositories say: 64 KiB at most.
             * @default null
             */
            instructions: string | null;
            /**
             * @description Servers of tools (Model Context Protocol) that they use, by the names that they have there: 32 at most.
             * @default {}
             */
            mcp_servers: {
                [key: string]: components["schemas"]["McpServer"];
            };
            /**
             * @description Directories of the machine that it sees.
             * @default []
             */
            mounts: components["schemas"]["Mount"][];
            /**
             * @description Skills of the library that they have.
             * @default []
             */
            skills: components["schemas"]["SkillName"][];
        };
        /** @description How the code of a sign-in comes back. */
        Redirect: "callback" | {
            /** @description This page of the provider's shows it, and the person copies it. */
            copy_paste: string;
        };
        /** @description A mission whose output was read again by its harness as it is now. */
        Replay: {
            /** @description The harness that read. */
            harness: components["schemas"]["PluginId"];
            /** @description The mission. */
            mission: components["schemas"]["MissionId"];
            /** @description Its turns that had a process, in order. */
            turns: components["schemas"]["ReplayedTurn"][];
        };
        /** @description One turn, read again. */
        ReplayedTurn: {
            /** @description What differs, at most 100. */
            differences?: components["schemas"]["Difference"][];
            problem?: components["schemas"]["Failure"] | null;
            /** @description What came of it. */
            result: components["schemas"]["ReplayResult"];
            /** @description Its process. */
            run: components["schemas"]["RunId"];
            /**
             * Format: int32
             * @description The turn.
             */
            turn: number;
        };
        /**
         * @description What came of reading a turn again.
         * @enum {string}
         */
        ReplayResult: "same" | "different" | "not_kept" | "failed";
        /** @description What an agent said that it used. */
        ReportedUsage: {
            /**
             * Format: int64
             * @description Input tokens read from a cache.
             */
            cache_read: number;
            /**
             * Format: int64
             * @description Input tokens written to a cache.
             */
            cache_write: number;
            /**
             * Format: int64
             * @description Millionths of a US dollar; absent where it said nothing.
             */
            cost_micro_usd?: number | null;
            /**
             * Format: int64
             * @description Input tokens that were not cached.
             */
            input: number;
            /**
             * Format: int64
             * @description Output tokens.
             */
            output: number;
            /**
             * Format: int64
             * @description Output tokens spent on reasoning, where told apart.
             */
            reasoning: number;
        };
        /**
         * @description How a request to a model ended.
         * @enum {string}
         */
        RequestEnd: "complete" | "cut" | "stopped" | "abandoned" | "refused" | "lost";
        /**
         * Format: uuid
         * @description A request to a model.
         */
        RequestId: string;
        /** @description What processes use and have used together. What the kernel does not count is absent. */
        ResourceUsage: {
            /**
             * Format: int64
             * @description Processor time, in microseconds.
             */
            cpu_micros?: number | null;
            /**
             * Format: int64
             * @description Bytes that files take on disk.
             */
            disk?: number | null;
            /**
             * Format: int64
             * @description Bytes of memory in use.
             */
            memory?: number | null;
            /**
             * Format: int64
             * @description The most that was in use at once.
             */
            memory_peak?: number | null;
            /**
             * Format: int64
             * @description Processes that the kernel killed because memory was used up.
             */
            oom_kills?: number;
            /**
             * Format: int64
             * @description Processes and threads.
             */
            processes?: number | null;
        };
        /** @description Where a workspace is to go back to. */
        RestoreRequest: {
            /** @description One of the workspace's snapshots. */
            snapshot: components["schemas"]["SnapshotId"];
        };
        /** @description The agent repeats something that failed. */
        Retry: {
            /**
             * Format: int32
             * @description 1 for the first repeat.
             */
            attempt: number;
            /**
             * Format: int32
             * @description Milliseconds until it is made.
             */
            delay_ms: number;
            /** @description What failed. */
            reason: string;
        };
        /**
         * @description What a person may do.
         * @enum {string}
         */
        Role: "viewer" | "member" | "admin";
        /**
         * Format: uuid
         * @description A decision that goes on to hold.
         */
        RuleId: string;
        /** @description Where a rule holds. */
        RuleScope: {
            /** @description In one mission. */
            mission: components["schemas"]["MissionId"];
        } | {
            /** @description In all missions of a workspace. */
            workspace: components["schemas"]["WorkspaceId"];
        };
        /** @description A process ended. */
        RunEnded: {
            /** @description How it ended. */
            exit: components["schemas"]["Exit"];
            /** @description The run. */
            run: components["schemas"]["RunId"];
            usage?: components["schemas"]["ResourceUsage"] | null;
        };
        /**
         * Format: uuid
         * @description One process tree that was started for a mission, a step of a build, or a person.
         */
        RunId: string;
        /** @description A process was started. */
        RunStarted: {
            /**
             * Format: int32
             * @description The process id on the server's machine.
             */
            pid: number;
            /** @description The run. */
            run: components["schemas"]["RunId"];
        };
        /**
         * @description What an API token may be used for, at most as much as its owner's role allows.
         * @enum {string}
         */
        Scope: "read" | "write" | "admin";
        /** @description A secret, without its value: no operation returns that. */
        Secret: {
            /**
             * @description Who may use it. Of one of `[secrets]` the configuration says that: `workspaces.secrets`, `[git.credentials]` and the
             *     grants of plugins.
             */
            audience: components["schemas"]["Audience"][];
            created_at?: components["schemas"]["Timestamp"] | null;
            /** @description What it is for. */
            description?: string;
            /** @description Where its value is kept. */
            kept: components["schemas"]["SecretKept"];
            last_used_at?: components["schemas"]["Timestamp"] | null;
            /** @description Its name. */
            name: string;
            problem?: components["schemas"]["Failure"] | null;
            updated_at?: components["schemas"]["Timestamp"] | null;
            /**
             * Format: int64
             * @description Which value it has, counted from 1. Only of one in the vault.
             */
            version?: number | null;
        };
        /**
         * @description Where a secret's value is kept.
         * @enum {string}
         */
        SecretKept: "vault" | "file" | "variable";
        /**
         * @description The name of a secret in the vault: 1 to 100 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`, starting with a letter or digit.
         *     Unique on a server, those of `[secrets]` included.
         */
        SecretName: string;
        /** @description What is said of a secret. */
        SecretTerms: {
            /** @description Who may use it. Absent: those who may already. */
            audience?: components["schemas"]["Audience"][] | null;
            /** @description What it is for, on one line. Absent: what is said already. */
            description?: string | null;
        };
        /** @description Uses of a secret by one user within one hour. */
        SecretUse: {
            /**
             * Format: int64
             * @description How often.
             */
            count: number;
            /** @description The first time. */
            first_at: components["schemas"]["Timestamp"];
            /** @description The last time. */
            last_at: components["schemas"]["Timestamp"];
            /** @description What for, where there is more to say: the workspace, or the host of a request. */
            purpose?: string;
            /** @description Who: `mission:ID`, `workspace:ID`, `plugin:ID`, `git:HOST` or `provider:NAME`. */
            user: string;
        };
        /** @description A value for a secret, and who may use it. */
        SecretValue: {
            /** @description Who may use it. Absent: those who may already, and nobody for a new secret. */
            audience?: components["schemas"]["Audience"][] | null;
            /** @description What it is for, on one line. Absent: what is said already. */
            description?: string | null;
            /** @description The value, as text: 6 bytes to 64 KiB. */
            value?: string | null;
            /** @description The value in base64, for one that is no text. One of the two is given. */
            value_base64?: string | null;
        };
        /**
         * Format: int64
         * @description The place of an event in its mission's log. The first event is 1 and there are no gaps; 0 is before the first.
         */
        Seq: number;
        /** @description The agent's own id of its session. */
        Session: {
            /** @description The id. */
            id: string;
        };
        /** @description A signal to send. */
        SignalRequest: {
            /**
             * Format: int32
             * @description Its number: 2 interrupts, 15 asks to end, 9 kills.
             */
            signal: number;
        };
        /** @description How a person signs in to a provider: OAuth 2 with PKCE, as data. */
        SignIn: {
            /** @description JSON pointer to the person's name or address in the token's answer. */
            account_pointer?: string | null;
            /** @description The page where the person agrees. */
            authorize_url: string;
            /** @description Who asks. Absent only where the exchange yields a key and the provider knows no clients. */
            client_id?: string | null;
            /** @description The name of the vault's secret that holds the client's own secret, where it has one. */
            client_secret?: string | null;
            /** @description Where a code for another device is asked for (RFC 8628), where the provider has that. */
            device_url?: string | null;
            /** @description How token requests are written. */
            encoding?: components["schemas"]["TokenEncoding"];
            /** @description Headers that requests with such a grant carry. */
            headers?: {
                [key: string]: string;
            };
            /** @description Parameters of the page besides those of OAuth. */
            parameters?: {
                [key: string]: string;
            };
            /** @description How the code comes back. */
            redirect: components["schemas"]["Redirect"];
            /** @description What is asked for. */
            scopes?: string[];
            /** @description Whether the exchange of a code sends the state besides, which some providers want. */
            token_state?: boolean;
            /** @description Where a code is exchanged for a grant, and a grant is refreshed. */
            token_url: string;
            /** @description What the exchange yields. */
            yields?: components["schemas"]["SignInYield"];
        };
        /** @description A sign-in that has begun. */
        SignInBegun: {
            /** @description The account to which it leads. */
            account: components["schemas"]["AccountName"];
            /** @description What the person types there, of the kind `device`. */
            code?: string | null;
            /** @description When it is too late. */
            expires_at: components["schemas"]["Timestamp"];
            /** @description How it goes on. */
            kind: components["schemas"]["SignInKind"];
            /** @description The address that the person opens. */
            url: string;
        };
        /**
         * @description How a sign-in goes on that somebody began.
         * @enum {string}
         */
        SignInKind: "copy_paste" | "callback" | "device";
        /** @description What ends a sign-in. */
        SignInReply: {
            /** @description What the provider's page shows, `CODE#STATE`, or the address of that page. */
            code: string;
        };
        /** @description To what somebody wants to sign in. */
        SignInRequest: {
            /** @description Where the provider is, of an account that is to be added, and of those that are not in one place for all. */
            base_url?: string | null;
            /** @description Use a browser also where the provider has codes for other devices. */
            browser?: boolean;
            provider?: components["schemas"]["ProviderId"] | null;
        };
        /**
         * @description How far a sign-in has come.
         * @enum {string}
         */
        SignInState: "waiting" | "done" | "failed";
        /** @description How a sign-in stands. */
        SignInStatus: {
            /** @description When it is too late. */
            expires_at: components["schemas"]["Timestamp"];
            problem?: components["schemas"]["Failure"] | null;
            /** @description How far it has come. */
            state: components["schemas"]["SignInState"];
        };
        /**
         * @description What a sign-in yields.
         * @enum {string}
         */
        SignInYield: "grant" | "key";
        /** @description The size of a terminal, in character cells. */
        SizeRequest: {
            /**
             * Format: int32
             * @description Columns.
             */
            cols: number;
            /**
             * Format: int32
             * @description Lines.
             */
            rows: number;
        };
        /** @description A skill with its files. */
        SkillBody: components["schemas"]["SkillInfo"] & {
            /** @description Its files in the order of their paths, `SKILL.md` among them. */
            content: components["schemas"]["SkillFileBody"][];
        };
        /** @description A file of a skill. */
        SkillFileBody: {
            /** @description Its content in base64, where it is no text. One of the two is given. */
            base64?: string | null;
            /** @description Whether it may be executed. */
            executable?: boolean;
            /** @description Relative to the skill's directory, with `/`. */
            path: string;
            /** @description Its content, where that is text. */
            text?: string | null;
        };
        /** @description A skill of the library: instructions that an agent reads when it needs them, with files beside them. */
        SkillInfo: {
            /**
             * Format: int64
             * @description Bytes of them together.
             */
            bytes: number;
            /** @description What it is for, as its SKILL.md says. */
            description: string;
            /**
             * Format: int32
             * @description How many files it has.
             */
            files: number;
            /** @description Its name. */
            name: components["schemas"]["SkillName"];
            /** @description When it was last put there. */
            updated_at: components["schemas"]["Timestamp"];
        };
        /** @description The name of a skill (<https://agentskills.io/specification>): 1 to 64 of `a-z`, `0-9` and `-`, no dash first. */
        SkillName: string;
        /** @description What a skill is to be. */
        SkillRequest: {
            /** @description Its files, 4 MiB together at most. `SKILL.md` is among them, and begins with the skill's name and what it is for. */
            content: components["schemas"]["SkillFileBody"][];
        };
        /** @description An entry of an archive that was left out. */
        SkippedEntry: {
            /** @description Its path in the archive. */
            path: string;
            /** @description Why. */
            reason: string;
        };
        /** @description How a workspace stood at one moment: its files, its agents' home and its root file system. */
        Snapshot: {
            /** @description When it was made. */
            created_at: components["schemas"]["Timestamp"];
            /** @description The snapshot. */
            id: components["schemas"]["SnapshotId"];
            /** @description What it is for, in the words of whoever made it. */
            label?: string | null;
            /** @description Who made it. */
            owner: components["schemas"]["UserId"];
            /** @description The workspace as it was. */
            workspace: components["schemas"]["Workspace"];
        };
        /**
         * Format: uuid
         * @description How a workspace stood at one moment.
         */
        SnapshotId: string;
        /** @description A snapshot that is wanted. */
        SnapshotRequest: {
            /** @description What it is for; at most 200 characters. */
            label?: string | null;
        };
        /** @description A sum of requests that have ended. Each counts to the day on which it began. */
        SpendingSum: {
            /**
             * Format: int64
             * @description What they cost, in micro-dollars.
             */
            cost_micro_usd: number;
            /**
             * Format: int64
             * @description Requests whose cost is what was set aside for them.
             */
            estimated_requests: number;
            /**
             * Format: int64
             * @description Requests that failed.
             */
            failed_requests: number;
            /** @description Of what: a day, an id or a name. Empty for a sum of all. */
            key: string;
            /**
             * Format: int64
             * @description Requests.
             */
            requests: number;
            /** @description What they used, as far as that is known. */
            tokens: components["schemas"]["Tokens"];
            /**
             * Format: int64
             * @description Requests whose cost is not known and not in the sum.
             */
            unpriced_requests: number;
        };
        /** @description The mission went from one state to another. */
        StateChange: {
            /** @description Why, in a few words. */
            cause: string;
            from?: components["schemas"]["MissionState"] | null;
            /** @description The state after. */
            to: components["schemas"]["MissionState"];
        };
        /**
         * @description How a step of a build stands.
         * @enum {string}
         */
        StepState: "queued" | "running" | "done" | "cached" | "failed" | "cancelled" | "timed_out";
        /** @description One version of a template. */
        Template: {
            /** @description When this version was made. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Whether the configuration declares it: then only the configuration changes it. */
            declared: boolean;
            /** @description What it is for. */
            description?: string;
            /** @description Its name. */
            name: components["schemas"]["TemplateName"];
            /**
             * Format: int32
             * @description Its version, counted from 1. A change makes the next one; a number is never used again for a name.
             */
            version: number;
            /** @description What workspaces are made with. */
            workspace: components["schemas"]["Blueprint"];
        };
        /** @description The name of a template: 1 to 64 of `a-z`, `0-9`, `-` and `_`, starting with a letter or digit. Unique on a server. */
        TemplateName: string;
        /** @description A template that is wanted. */
        TemplateRequest: {
            /** @description What it is for. */
            description?: string;
            /** @description Its name. */
            name: components["schemas"]["TemplateName"];
            /** @description What workspaces are made with. */
            workspace: components["schemas"]["BlueprintRequest"];
        };
        /** @description The next version of a template. */
        TemplateUpdate: {
            /** @description What it is for. */
            description?: string;
            /** @description What workspaces are made with. */
            workspace: components["schemas"]["BlueprintRequest"];
        };
        /** @description Which template a workspace was made from. */
        TemplateUse: {
            /** @description What was said beside it when the workspace was made, which counts over it. */
            beside?: components["schemas"]["Blueprint"];
            /** @description The template. */
            name: components["schemas"]["TemplateName"];
            /**
             * Format: int32
             * @description The version.
             */
            version: number;
        };
        /** @description How a harness is tried out. */
        TestRequest: {
            /** @description The model that is asked. Absent or null: the harness's default. */
            model?: string | null;
        };
        /** @description Text is appended to a thought. */
        Thought: {
            /** @description Which thought; unique in its mission. */
            id: string;
            /** @description The tool call within which it is thought. */
            parent?: string | null;
            /** @description What is appended. */
            text: string;
        };
        /**
         * Format: date-time
         * @description A point in time with a precision of one millisecond. In JSON it is an RFC 3339 string in UTC.
         */
        Timestamp: string;
        /**
         * @description How token requests are written.
         * @enum {string}
         */
        TokenEncoding: "form" | "json";
        /**
         * Format: uuid
         * @description An API token.
         */
        TokenId: string;
        /** @description An API token, without its secret. */
        TokenInfo: {
            /** @description When it was made. */
            created_at: components["schemas"]["Timestamp"];
            expires_at?: components["schemas"]["Timestamp"] | null;
            /** @description The token. */
            id: components["schemas"]["TokenId"];
            last_used_at?: components["schemas"]["Timestamp"] | null;
            /** @description What it is for, in its owner's words. */
            name: string;
            /** @description What it may be used for. */
            scope: components["schemas"]["Scope"];
        };
        /** @description Tokens that a request used. Each token is in one kind, except that `reasoning` is a part of `output`. */
        Tokens: {
            /**
             * Format: int64
             * @description Input read from a cache.
             */
            cache_read: number;
            /**
             * Format: int64
             * @description Input written to a cache that lasts as long as the provider's usual one (five minutes at Anthropic).
             */
            cache_write: number;
            /**
             * Format: int64
             * @description Input written to a cache that lasts an hour.
             */
            cache_write_1h: number;
            /**
             * Format: int64
             * @description Input that was neither read from a cache nor written to one.
             */
            input: number;
            /**
             * Format: int64
             * @description Output, reasoning included.
             */
            output: number;
            /**
             * Format: int64
             * @description Output spent on reasoning, where told apart.
             */
            reasoning: number;
        };
        /** @description A tool that a plugin offers. */
        Tool: {
            /** @description For the model that chooses a tool. */
            description: string;
            /** @description It may destroy something. */
            destructive: boolean;
            /** @description JSON Schema of the arguments. */
            input_schema: Record<string, never>;
            /** @description Unique within the plugin. */
            name: string;
            /** @description It changes nothing. */
            read_only: boolean;
        };
        /** @description A tool call begins or changes: replaces all that was known of the call. */
        ToolCall: {
            /** @description What it does to files, as far as the agent says. */
            edits?: components["schemas"]["Edit"][];
            /**
             * Format: int32
             * @description Exit status of a program, where one ran.
             */
            exit_code?: number | null;
            /** @description Which call; unique in its mission. */
            id: string;
            /** @description What went in. */
            input: unknown;
            /** @description The call within which this one was made. */
            parent?: string | null;
            /** @description How far it has come. */
            status: components["schemas"]["ToolStatus"];
            /** @description What a person reads first. */
            title: string;
            /** @description What it does. (`kind` is the event's own.) */
            tool_kind: components["schemas"]["ToolKind"];
        };
        /** @description A call of a tool. */
        ToolCallRequest: {
            /** @description Arguments, by the tool's own schema. */
            arguments?: {
                [key: string]: unknown;
            };
            /** @description The workspace that the call acts on, by id or name. */
            workspace: components["schemas"]["WorkspaceRef"];
        };
        /** @description One part of a tool's answer. */
        ToolContent: {
            /** @enum {string} */
            type: "text";
            /** @description Plain text. */
            value: string;
        } | {
            /** @enum {string} */
            type: "json";
            /** @description Structured data. */
            value: unknown;
        };
        /**
         * @description What a tool call does.
         * @enum {string}
         */
        ToolKind: "execute" | "read" | "edit" | "delete" | "search" | "fetch" | "think" | "other";
        /** @description Text is appended to the output of a tool call. */
        ToolOutput: {
            /** @description Which call. */
            id: string;
            /**
             * Format: int64
             * @description Bytes of output that were left out just before this text, because the call printed more than is kept.
             */
            omitted_bytes?: number;
            /** @description Where it was printed. */
            stream: components["schemas"]["OutputStream"];
            /** @description What is appended. */
            text: string;
        };
        /** @description A tool's answer. */
        ToolReply: {
            /** @description The parts in order. */
            content: components["schemas"]["ToolContent"][];
            /** @description The tool ran and could not do what was asked. */
            is_error: boolean;
        };
        /**
         * @description How far something has come.
         * @enum {string}
         */
        ToolStatus: "pending" | "running" | "completed" | "failed";
        /** @description How trying an account came out. */
        Trial: {
            /**
             * Format: int32
             * @description Models that the provider lists for it, where it says.
             */
            models?: number | null;
            problem?: components["schemas"]["Failure"] | null;
            /**
             * Format: int64
             * @description How many milliseconds the provider took.
             */
            took_ms: number;
        };
        /** @description Size of a terminal in character cells. */
        Tty: {
            /**
             * Format: int32
             * @description Columns.
             */
            cols: number;
            /**
             * Format: int32
             * @description Lines.
             */
            rows: number;
        };
        /** @description A turn ended. */
        TurnEnded: {
            /** @description How. */
            outcome: components["schemas"]["TurnOutcome"];
            /** @description Why, in one sentence. */
            reason: string;
        };
        /**
         * @description How a turn ended.
         * @enum {string}
         */
        TurnOutcome: "completed" | "failed" | "interrupted";
        /** @description A turn began. */
        TurnStarted: {
            /** @description The message that began it. */
            message: components["schemas"]["MessageId"];
        };
        /** @description What was unpacked from an archive. */
        Unpacked: {
            /**
             * Format: int64
             * @description Bytes of the files.
             */
            bytes: number;
            /**
             * Format: int64
             * @description Files, directories and links.
             */
            entries: number;
            /**
             * Format: int64
             * @description How many entries were left out.
             */
            skipped: number;
            /** @description The first hundred of them. */
            skipped_entries?: components["schemas"]["SkippedEntry"][];
        };
        /** @description A file that arrives in parts. */
        Upload: {
            /** @description The upload. */
            id: string;
            /** @description The file that is written when all has arrived. */
            path: string;
            /**
             * Format: int64
             * @description Bytes that have arrived: the next part begins here.
             */
            received: number;
            /**
             * Format: int64
             * @description Bytes of the whole file.
             */
            total: number;
        };
        /** @description An upload that is wanted. */
        UploadRequest: {
            /** @description The file's path from the workspace's tree. */
            path: string;
            /**
             * Format: int64
             * @description Bytes of the whole file.
             */
            total: number;
        };
        /** @description Tokens and money. Counters are increments; cached input is not in `input`. */
        Usage: {
            /**
             * Format: int64
             * @description Input tokens read from a cache.
             */
            cache_read: number;
            /**
             * Format: int64
             * @description Input tokens written to a cache.
             */
            cache_write: number;
            /**
             * Format: int64
             * @description Millionths of a US dollar; absent where unknown.
             */
            cost_micro_usd?: number | null;
            /**
             * Format: int64
             * @description Input tokens that were not cached.
             */
            input: number;
            /** @description The model that was used. */
            model?: string | null;
            /**
             * Format: int64
             * @description Output tokens.
             */
            output: number;
            /**
             * Format: int64
             * @description Output tokens spent on reasoning, where told apart.
             */
            reasoning: number;
            reported?: components["schemas"]["ReportedUsage"] | null;
            /** @description Who counted; absent is the harness. */
            source?: components["schemas"]["UsageSource"];
        };
        /**
         * @description Who counted what was used.
         * @enum {string}
         */
        UsageSource: "harness" | "gateway";
        /** @description A person who may use the server. */
        User: {
            /** @description When they were added. */
            created_at: components["schemas"]["Timestamp"];
            /** @description The person. */
            id: components["schemas"]["UserId"];
            /** @description The name to log in with. */
            name: string;
            /** @description What they may do. */
            role: components["schemas"]["Role"];
        };
        /** @description Which version of a harness is used. */
        UseRequest: {
            /** @description One that is installed. Absent or null: the one that the plugin is configured to use. */
            version?: string | null;
        };
        /**
         * Format: uuid
         * @description A person who may use the server.
         */
        UserId: string;
        /**
         * @description The name of a variable that a workspace may have: a letter or `_`, then letters, digits and `_`, 128 at most; none that
         *     the backend or the server sets.
         */
        VariableName: string;
        /** @description How the vault stands. */
        VaultStatus: {
            /** @description What its master key is made of. */
            key: components["schemas"]["KeyKind"];
            /** @description The name of the key that seals; it tells nothing of the key. */
            key_id: string;
            /**
             * Format: int64
             * @description Values that are still sealed with a former key: while there are any, the key is being replaced.
             */
            to_reseal: number;
        };
        /**
         * @description What a rule says.
         * @enum {string}
         */
        Verdict: "allow" | "deny";
        /** @description Which server this is. */
        Version: {
            version: string;
        };
        /**
         * @description A protocol in which models are asked.
         * @enum {string}
         */
        WireFormat: "messages" | "chat" | "responses" | "gemini";
        /**
         * @description What an agent is to do with what it is asked.
         * @enum {string}
         */
        WorkMode: "act" | "plan";
        /** @description A workspace as it stands. */
        Workspace: components["schemas"]["Recipe"] & {
            /** @description The backend that isolates it. */
            backend: components["schemas"]["PluginId"];
            build?: components["schemas"]["BuildId"] | null;
            /** @description When it was made. */
            created_at: components["schemas"]["Timestamp"];
            drift?: components["schemas"]["Drift"] | null;
            /** @description The workspace. */
            id: components["schemas"]["WorkspaceId"];
            /** @description What its other directories begin with. */
            layers?: components["schemas"]["WorkspaceLayers"];
            /** @description What its processes may use. */
            limits: components["schemas"]["WorkspaceLimits"];
            /** @description Its name. */
            name: components["schemas"]["WorkspaceName"];
            /** @description What it reaches. */
            network: components["schemas"]["NetworkPolicy"];
            /** @description Options for the backend. */
            options: Record<string, never>;
            /** @description Who made it. */
            owner: components["schemas"]["UserId"];
            /** @description How far it exists, as last seen. */
            phase: components["schemas"]["WorkspacePhase"];
            /** @description Ports that are known before anything listens on them. */
            ports: components["schemas"]["DeclaredPort"][];
            problem?: components["schemas"]["Failure"] | null;
            root?: components["schemas"]["WorkspaceRoot"] | null;
            template?: components["schemas"]["TemplateUse"] | null;
            /**
             * Format: int32
             * @description The user id on the server's machine that its processes run as. Absent: the server's own, because the server may
             *     not give others.
             */
            user?: number | null;
        };
        /**
         * Format: uuid
         * @description A workspace.
         */
        WorkspaceId: string;
        /** @description Layers that a workspace's directories begin with, the lowest first: what snapshots keep and forks share. */
        WorkspaceLayers: {
            /**
             * @description Its agents' home.
             * @default []
             */
            home: string[];
            /**
             * @description Its files.
             * @default []
             */
            tree: string[];
        };
        /** @description What the processes of a workspace may use together. Absent is without limit. */
        WorkspaceLimits: {
            /**
             * Format: int32
             * @description Thousandths of a processor: 100 to 1,000,000. With less, the smallest program takes many seconds to start.
             * @default null
             */
            cpu_millis: number | null;
            /**
             * Format: int64
             * @description Bytes that its files may take on disk, its home included: 1 MiB to 1 PiB.
             * @default null
             */
            disk: number | null;
            /**
             * Format: int64
             * @description Bytes of memory: 32 MiB to 1 PiB.
             * @default null
             */
            memory: number | null;
            /**
             * Format: int32
             * @description Processes and threads: 8 to 4,194,304.
             * @default null
             */
            processes: number | null;
        };
        /**
         * @description The name of a workspace: 1 to 64 of `a-z`, `0-9`, `-` and `_`, starting with a letter or digit, and not `import`, which is
         *     an address of its own over HTTP. Unique on a server.
         */
        WorkspaceName: string;
        /**
         * @description How far a workspace exists.
         * @enum {string}
         */
        WorkspacePhase: "absent" | "ready" | "stopped" | "broken" | "building" | "failed";
        /** @description A port of a workspace as it stands: declared, listened on, or both. */
        WorkspacePort: {
            /** @description What it is, if that was declared. */
            label?: string | null;
            /** @description Whether something listens now. */
            listening: boolean;
            name?: components["schemas"]["PortName"] | null;
            /** @description Its number. */
            port: components["schemas"]["PortNumber"];
            /** @description The name of the process that listens, where it can be told. It is whatever the process calls itself. */
            process?: string | null;
            /** @description What is spoken there; `http` where nothing was declared. */
            protocol: components["schemas"]["PortProtocol"];
        };
        /** @description A workspace by its id or its name. */
        WorkspaceRef: string;
        /** @description A workspace that is wanted. */
        WorkspaceRequest: {
            backend?: components["schemas"]["PluginId"] | null;
            /**
             * @description Accounts of providers whose keys are in the environment of its missions themselves, and not behind the gateway: every
             *     process of them can read these keys, and nothing of what they use is counted.
             */
            direct_keys?: components["schemas"]["AccountName"][];
            /** @description Variables of all its processes. */
            env?: {
                [key: string]: components["schemas"]["EnvValue"];
            };
            /** @description Scripts that are run in it, in this order, when it is made. */
            init?: components["schemas"]["InitStep"][];
            /** @description What agents of its missions are to keep to, besides what repositories say: 64 KiB at most. */
            instructions?: string | null;
            limits?: components["schemas"]["WorkspaceLimits"] | null;
            /** @description Servers of tools (Model Context Protocol) that they use, by the names that they have there: 32 at most. */
            mcp_servers?: {
                [key: string]: components["schemas"]["McpServer"];
            };
            /** @description Directories of the server's machine that it sees. */
            mounts?: components["schemas"]["Mount"][];
            name?: components["schemas"]["WorkspaceName"] | null;
            network?: components["schemas"]["NetworkPolicy"] | null;
            /** @description Options for the backend, by its own schema. */
            options?: {
                [key: string]: unknown;
            };
            /** @description Ports that are known before anything listens on them. */
            ports?: components["schemas"]["DeclaredPort"][];
            /** @description Skills of the library that they have. */
            skills?: components["schemas"]["SkillName"][];
            template?: components["schemas"]["TemplateName"] | null;
            /**
             * Format: int64
             * @description The version of the template; absent is the newest.
             */
            template_version?: number | null;
        };
        /** @description What a workspace's own root file system begins with. */
        WorkspaceRoot: {
            /** @description Variables that it wants its processes to have: those of an image. */
            env?: {
                [key: string]: string;
            };
            /** @description The layer that its backend plans and that the first of these stands for, because the system came from elsewhere. */
            in_place_of?: string | null;
            /** @description The layers that it shares with other workspaces, the lowest first. */
            layers: string[];
            /** @description What it is, for a person. */
            title: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type Account = components['schemas']['Account'];
export type AccountHealth = components['schemas']['AccountHealth'];
export type AccountName = components['schemas']['AccountName'];
export type AccountOrder = components['schemas']['AccountOrder'];
export type AccountRequest = components['schemas']['AccountRequest'];
export type AccountUpdate = components['schemas']['AccountUpdate'];
export type AnswerRequest = components['schemas']['AnswerRequest'];
export type Application = components['schemas']['Application'];
export type ApplyRequest = components['schemas']['ApplyRequest'];
export type Approval = components['schemas']['Approval'];
export type ApprovalMode = components['schemas']['ApprovalMode'];
export type ApprovalRule = components['schemas']['ApprovalRule'];
export type Ask = components['schemas']['Ask'];
export type AskId = components['schemas']['AskId'];
export type AskStatus = components['schemas']['AskStatus'];
export type Attachment = components['schemas']['Attachment'];
export type AttachmentId = components['schemas']['AttachmentId'];
export type Audience = components['schemas']['Audience'];
export type AuditEntry = components['schemas']['AuditEntry'];
export type Backup = components['schemas']['Backup'];
export type BackupRequest = components['schemas']['BackupRequest'];
export type Blame = components['schemas']['Blame'];
export type Blueprint = components['schemas']['Blueprint'];
export type BlueprintRequest = components['schemas']['BlueprintRequest'];
export type Budget = components['schemas']['Budget'];
export type BudgetPeriod = components['schemas']['BudgetPeriod'];
export type BudgetRequest = components['schemas']['BudgetRequest'];
export type BudgetScope = components['schemas']['BudgetScope'];
export type Build = components['schemas']['Build'];
export type BuildId = components['schemas']['BuildId'];
export type BuildRequest = components['schemas']['BuildRequest'];
export type BuildState = components['schemas']['BuildState'];
export type BuildStep = components['schemas']['BuildStep'];
export type ChangeKind = components['schemas']['ChangeKind'];
export type Check = components['schemas']['Check'];
export type CheckStatus = components['schemas']['CheckStatus'];
export type Choice = components['schemas']['Choice'];
export type Cloned = components['schemas']['Cloned'];
export type CloneRequest = components['schemas']['CloneRequest'];
export type Commit = components['schemas']['Commit'];
export type CommitRequest = components['schemas']['CommitRequest'];
export type Connections = components['schemas']['Connections'];
export type CreatedToken = components['schemas']['CreatedToken'];
export type Credential = components['schemas']['Credential'];
export type Day = components['schemas']['Day'];
export type Decider = components['schemas']['Decider'];
export type DecisionRequest = components['schemas']['DecisionRequest'];
export type DecisionScope = components['schemas']['DecisionScope'];
export type DeclaredPort = components['schemas']['DeclaredPort'];
export type Diff = components['schemas']['Diff'];
export type Difference = components['schemas']['Difference'];
export type DirectoryRequest = components['schemas']['DirectoryRequest'];
export type DiskUsage = components['schemas']['DiskUsage'];
export type DoctorReport = components['schemas']['DoctorReport'];
export type DownloadState = components['schemas']['DownloadState'];
export type Drift = components['schemas']['Drift'];
export type DriftField = components['schemas']['DriftField'];
export type Edit = components['schemas']['Edit'];
export type EnvValue = components['schemas']['EnvValue'];
export type Event = components['schemas']['Event'];
export type EventBody = components['schemas']['EventBody'];
export type EventHit = components['schemas']['EventHit'];
export type Exit = components['schemas']['Exit'];
export type Failure = components['schemas']['Failure'];
export type FileAccess = components['schemas']['FileAccess'];
export type FileChange = components['schemas']['FileChange'];
export type FileEntry = components['schemas']['FileEntry'];
export type FileKind = components['schemas']['FileKind'];
export type FileWritten = components['schemas']['FileWritten'];
export type ForkRequest = components['schemas']['ForkRequest'];
export type GoodRun = components['schemas']['GoodRun'];
export type Grants = components['schemas']['Grants'];
export type HarnessAbout = components['schemas']['HarnessAbout'];
export type HarnessInfo = components['schemas']['HarnessInfo'];
export type HarnessTest = components['schemas']['HarnessTest'];
export type ImportedWorkspace = components['schemas']['ImportedWorkspace'];
export type InitStep = components['schemas']['InitStep'];
export type InstallActivity = components['schemas']['InstallActivity'];
export type InstalledVersion = components['schemas']['InstalledVersion'];
export type InstallOutline = components['schemas']['InstallOutline'];
export type InstallPhase = components['schemas']['InstallPhase'];
export type InstallProgress = components['schemas']['InstallProgress'];
export type InstallRequest = components['schemas']['InstallRequest'];
export type KeyKind = components['schemas']['KeyKind'];
export type KeyPlace = components['schemas']['KeyPlace'];
export type Leftover = components['schemas']['Leftover'];
export type ListAccount = components['schemas']['List_Account'];
export type ListApprovalRule = components['schemas']['List_ApprovalRule'];
export type ListAsk = components['schemas']['List_Ask'];
export type ListEvent = components['schemas']['List_Event'];
export type ListHarnessInfo = components['schemas']['List_HarnessInfo'];
export type ListLeftover = components['schemas']['List_Leftover'];
export type ListModel = components['schemas']['List_Model'];
export type ListOpenAsk = components['schemas']['List_OpenAsk'];
export type ListPluginInfo = components['schemas']['List_PluginInfo'];
export type ListProvider = components['schemas']['List_Provider'];
export type ListQueuedMessage = components['schemas']['List_QueuedMessage'];
export type ListSecret = components['schemas']['List_Secret'];
export type ListSkillInfo = components['schemas']['List_SkillInfo'];
export type ListTokenInfo = components['schemas']['List_TokenInfo'];
export type ListTool = components['schemas']['List_Tool'];
export type ListWorkspacePort = components['schemas']['List_WorkspacePort'];
export type Login = components['schemas']['Login'];
export type LongContext = components['schemas']['LongContext'];
export type McpAddress = components['schemas']['McpAddress'];
export type McpProgram = components['schemas']['McpProgram'];
export type McpServer = components['schemas']['McpServer'];
export type Me = components['schemas']['Me'];
export type Message = components['schemas']['Message'];
export type MessageAttachment = components['schemas']['MessageAttachment'];
export type MessageId = components['schemas']['MessageId'];
export type MessageRequest = components['schemas']['MessageRequest'];
export type MessageRole = components['schemas']['MessageRole'];
export type MessageText = components['schemas']['MessageText'];
export type Mission = components['schemas']['Mission'];
export type MissionChange = components['schemas']['MissionChange'];
export type MissionId = components['schemas']['MissionId'];
export type MissionRequest = components['schemas']['MissionRequest'];
export type MissionState = components['schemas']['MissionState'];
export type Model = components['schemas']['Model'];
export type ModelPattern = components['schemas']['ModelPattern'];
export type ModelRequest = components['schemas']['ModelRequest'];
export type Mount = components['schemas']['Mount'];
export type MoveRequest = components['schemas']['MoveRequest'];
export type NetworkMode = components['schemas']['NetworkMode'];
export type NetworkPolicy = components['schemas']['NetworkPolicy'];
export type NetworkVia = components['schemas']['NetworkVia'];
export type NewToken = components['schemas']['NewToken'];
export type Notice = components['schemas']['Notice'];
export type NoticeLevel = components['schemas']['NoticeLevel'];
export type OpenAsk = components['schemas']['OpenAsk'];
export type Opened = components['schemas']['Opened'];
export type OpenedPort = components['schemas']['OpenedPort'];
export type OpenRequest = components['schemas']['OpenRequest'];
export type Other = components['schemas']['Other'];
export type OutlinedDownload = components['schemas']['OutlinedDownload'];
export type OutputStream = components['schemas']['OutputStream'];
export type PageAuditEntry = components['schemas']['Page_AuditEntry'];
export type PageBudget = components['schemas']['Page_Budget'];
export type PageBuild = components['schemas']['Page_Build'];
export type PageEventHit = components['schemas']['Page_EventHit'];
export type PageFileEntry = components['schemas']['Page_FileEntry'];
export type PageMission = components['schemas']['Page_Mission'];
export type PageModelRequest = components['schemas']['Page_ModelRequest'];
export type PageProcess = components['schemas']['Page_Process'];
export type PageSecretUse = components['schemas']['Page_SecretUse'];
export type PageSnapshot = components['schemas']['Page_Snapshot'];
export type PageSpendingSum = components['schemas']['Page_SpendingSum'];
export type PageTemplate = components['schemas']['Page_Template'];
export type PageWorkspace = components['schemas']['Page_Workspace'];
export type Parked = components['schemas']['Parked'];
export type ParkedReason = components['schemas']['ParkedReason'];
export type Plan = components['schemas']['Plan'];
export type PlanEntry = components['schemas']['PlanEntry'];
export type PluginCounters = components['schemas']['PluginCounters'];
export type PluginHealth = components['schemas']['PluginHealth'];
export type PluginId = components['schemas']['PluginId'];
export type PluginImport = components['schemas']['PluginImport'];
export type PluginInfo = components['schemas']['PluginInfo'];
export type PluginKind = components['schemas']['PluginKind'];
export type PluginRequest = components['schemas']['PluginRequest'];
export type PluginTrial = components['schemas']['PluginTrial'];
export type PluginVersion = components['schemas']['PluginVersion'];
export type PortName = components['schemas']['PortName'];
export type PortNumber = components['schemas']['PortNumber'];
export type PortProtocol = components['schemas']['PortProtocol'];
export type PortsOpened = components['schemas']['PortsOpened'];
export type PortsRequest = components['schemas']['PortsRequest'];
export type Price = components['schemas']['Price'];
export type Problem = components['schemas']['Problem'];
export type Process = components['schemas']['Process'];
export type ProcessRequest = components['schemas']['ProcessRequest'];
export type Provider = components['schemas']['Provider'];
export type ProviderId = components['schemas']['ProviderId'];
export type Pushed = components['schemas']['Pushed'];
export type PushRequest = components['schemas']['PushRequest'];
export type Question = components['schemas']['Question'];
export type QuestionItem = components['schemas']['QuestionItem'];
export type QueuedMessage = components['schemas']['QueuedMessage'];
export type QueueOrder = components['schemas']['QueueOrder'];
export type Rates = components['schemas']['Rates'];
export type Recipe = components['schemas']['Recipe'];
export type Redirect = components['schemas']['Redirect'];
export type Replay = components['schemas']['Replay'];
export type ReplayedTurn = components['schemas']['ReplayedTurn'];
export type ReplayResult = components['schemas']['ReplayResult'];
export type ReportedUsage = components['schemas']['ReportedUsage'];
export type RequestEnd = components['schemas']['RequestEnd'];
export type RequestId = components['schemas']['RequestId'];
export type ResourceUsage = components['schemas']['ResourceUsage'];
export type RestoreRequest = components['schemas']['RestoreRequest'];
export type Retry = components['schemas']['Retry'];
export type Role = components['schemas']['Role'];
export type RuleId = components['schemas']['RuleId'];
export type RuleScope = components['schemas']['RuleScope'];
export type RunEnded = components['schemas']['RunEnded'];
export type RunId = components['schemas']['RunId'];
export type RunStarted = components['schemas']['RunStarted'];
export type Scope = components['schemas']['Scope'];
export type Secret = components['schemas']['Secret'];
export type SecretKept = components['schemas']['SecretKept'];
export type SecretName = components['schemas']['SecretName'];
export type SecretTerms = components['schemas']['SecretTerms'];
export type SecretUse = components['schemas']['SecretUse'];
export type SecretValue = components['schemas']['SecretValue'];
export type Seq = components['schemas']['Seq'];
export type Session = components['schemas']['Session'];
export type SignalRequest = components['schemas']['SignalRequest'];
export type SignIn = components['schemas']['SignIn'];
export type SignInBegun = components['schemas']['SignInBegun'];
export type SignInKind = components['schemas']['SignInKind'];
export type SignInReply = components['schemas']['SignInReply'];
export type SignInRequest = components['schemas']['SignInRequest'];
export type SignInState = components['schemas']['SignInState'];
export type SignInStatus = components['schemas']['SignInStatus'];
export type SignInYield = components['schemas']['SignInYield'];
export type SizeRequest = components['schemas']['SizeRequest'];
export type SkillBody = components['schemas']['SkillBody'];
export type SkillFileBody = components['schemas']['SkillFileBody'];
export type SkillInfo = components['schemas']['SkillInfo'];
export type SkillName = components['schemas']['SkillName'];
export type SkillRequest = components['schemas']['SkillRequest'];
export type SkippedEntry = components['schemas']['SkippedEntry'];
export type Snapshot = components['schemas']['Snapshot'];
export type SnapshotId = components['schemas']['SnapshotId'];
export type SnapshotRequest = components['schemas']['SnapshotRequest'];
export type SpendingSum = components['schemas']['SpendingSum'];
export type StateChange = components['schemas']['StateChange'];
export type StepState = components['schemas']['StepState'];
export type Template = components['schemas']['Template'];
export type TemplateName = components['schemas']['TemplateName'];
export type TemplateRequest = components['schemas']['TemplateRequest'];
export type TemplateUpdate = components['schemas']['TemplateUpdate'];
export type TemplateUse = components['schemas']['TemplateUse'];
export type TestRequest = components['schemas']['TestRequest'];
export type Thought = components['schemas']['Thought'];
export type Timestamp = components['schemas']['Timestamp'];
export type TokenEncoding = components['schemas']['TokenEncoding'];
export type TokenId = components['schemas']['TokenId'];
export type TokenInfo = components['schemas']['TokenInfo'];
export type Tokens = components['schemas']['Tokens'];
export type Tool = components['schemas']['Tool'];
export type ToolCall = components['schemas']['ToolCall'];
export type ToolCallRequest = components['schemas']['ToolCallRequest'];
export type ToolContent = components['schemas']['ToolContent'];
export type ToolKind = components['schemas']['ToolKind'];
export type ToolOutput = components['schemas']['ToolOutput'];
export type ToolReply = components['schemas']['ToolReply'];
export type ToolStatus = components['schemas']['ToolStatus'];
export type Trial = components['schemas']['Trial'];
export type Tty = components['schemas']['Tty'];
export type TurnEnded = components['schemas']['TurnEnded'];
export type TurnOutcome = components['schemas']['TurnOutcome'];
export type TurnStarted = components['schemas']['TurnStarted'];
export type Unpacked = components['schemas']['Unpacked'];
export type Upload = components['schemas']['Upload'];
export type UploadRequest = components['schemas']['UploadRequest'];
export type Usage = components['schemas']['Usage'];
export type UsageSource = components['schemas']['UsageSource'];
export type User = components['schemas']['User'];
export type UseRequest = components['schemas']['UseRequest'];
export type UserId = components['schemas']['UserId'];
export type VariableName = components['schemas']['VariableName'];
export type VaultStatus = components['schemas']['VaultStatus'];
export type Verdict = components['schemas']['Verdict'];
export type Version = components['schemas']['Version'];
export type WireFormat = components['schemas']['WireFormat'];
export type WorkMode = components['schemas']['WorkMode'];
export type Workspace = components['schemas']['Workspace'];
export type WorkspaceId = components['schemas']['WorkspaceId'];
export type WorkspaceLayers = components['schemas']['WorkspaceLayers'];
export type WorkspaceLimits = components['schemas']['WorkspaceLimits'];
export type WorkspaceName = components['schemas']['WorkspaceName'];
export type WorkspacePhase = components['schemas']['WorkspacePhase'];
export type WorkspacePort = components['schemas']['WorkspacePort'];
export type WorkspaceRef = components['schemas']['WorkspaceRef'];
export type WorkspaceRequest = components['schemas']['WorkspaceRequest'];
export type WorkspaceRoot = components['schemas']['WorkspaceRoot'];
export type $defs = Record<string, never>;
export interface operations {
    order_accounts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AccountOrder"];
            };
        };
        responses: {
            /** @description All accounts in the new order. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Account"];
                };
            };
        };
    };
    list_accounts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All accounts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Account"];
                };
            };
        };
    };
    add_account: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AccountRequest"];
            };
        };
        responses: {
            /** @description It is there. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
        };
    };
    get_account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
        };
    };
    delete_account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    change_account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AccountUpdate"];
            };
        };
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
        };
    };
    get_sign_in: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The account */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignInStatus"];
                };
            };
        };
    };
    begin_sign_in: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The account */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignInRequest"];
            };
        };
        responses: {
            /** @description It has begun: the person opens the address. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignInBegun"];
                };
            };
        };
    };
    sign_out: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The account */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nobody is signed in. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    finish_sign_in: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The account */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignInReply"];
            };
        };
        responses: {
            /** @description The account is signed in. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
        };
    };
    test_account: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How it came out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trial"];
                };
            };
        };
    };
    list_open_asks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Approvals and questions that wait. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_OpenAsk"];
                };
            };
        };
    };
    create_attachment: {
        parameters: {
            query: {
                /** @description The file's name. Directories, control characters and what is over 100 characters are left out; of nothing `file` is made. */
                name: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/octet-stream": number[] | null;
            };
        };
        responses: {
            /** @description The attachment. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Attachment"];
                };
            };
        };
    };
    get_attachment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The attachment */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The attachment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Attachment"];
                };
            };
        };
    };
    delete_attachment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The attachment */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    read_attachment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The attachment */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                    "image/gif": number[];
                    "image/jpeg": number[];
                    "image/png": number[];
                    "image/webp": number[];
                    "text/plain": string;
                };
            };
        };
    };
    get_audit_log: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AuditEntry"];
                };
            };
        };
    };
    log_in: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            /** @description The cookie is set. */
            200: {
                headers: {
                    /** @description The login, `HttpOnly` and `SameSite=Strict` */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    log_out: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The login has ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description You. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    make_backup: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BackupRequest"];
            };
        };
        responses: {
            /** @description The backup. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backup"];
                };
            };
        };
    };
    list_budgets: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Budget"];
                };
            };
        };
    };
    set_budget: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BudgetRequest"];
            };
        };
        responses: {
            /** @description The budget. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Budget"];
                };
            };
        };
    };
    delete_budget: {
        parameters: {
            query: {
                /** @description After which time it begins anew. */
                period: components["schemas"]["BudgetPeriod"];
                /** @description Whose requests it counts. */
                scope: components["schemas"]["BudgetScope"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    get_build: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The build */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The build as it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Build"];
                };
            };
        };
    };
    cancel_build: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The build */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The build as it ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Build"];
                };
            };
        };
    };
    stream_build_log: {
        parameters: {
            query?: {
                /** @description From this byte on; 0 where absent. */
                offset?: number;
                /**
                 * @description Which stream; standard output where absent. Scripts print everything on standard output; what is on standard error
                 *     comes from what starts them.
                 */
                stream?: components["schemas"]["OutputStream"];
            };
            header?: never;
            path: {
                /** @description The build */
                id: string;
                /** @description The step, numbered from 1 */
                step: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                };
            };
        };
    };
    get_doctor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The report. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DoctorReport"];
                };
            };
        };
    };
    list_harnesses: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The harnesses. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_HarnessInfo"];
                };
            };
        };
    };
    get_harness: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The harness's plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its abilities, models and the schema of its settings, and how its programs stand. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HarnessInfo"];
                };
            };
        };
    };
    install_harness: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The harness's plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InstallRequest"];
            };
        };
        responses: {
            /** @description What would be done, where that was asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InstallOutline"];
                };
            };
            /** @description The harness, which is installed or being installed. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HarnessInfo"];
                };
            };
        };
    };
    cancel_installation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The harness's plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The harness as it now stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HarnessInfo"];
                };
            };
        };
    };
    test_harness: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The harness's plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TestRequest"];
            };
        };
        responses: {
            /** @description The mission that tries it out. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
        };
    };
    use_harness_version: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The harness's plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UseRequest"];
            };
        };
        responses: {
            /** @description The harness as it now stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HarnessInfo"];
                };
            };
        };
    };
    remove_harness_version: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The harness's plugin */
                id: string;
                /** @description The version */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_leftovers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What they keep. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Leftover"];
                };
            };
        };
    };
    remove_leftover: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The backend that keeps it */
                backend: string;
                /** @description The id that the workspace had */
                workspace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_missions: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many at most; 50 where absent. */
                limit?: number;
                /** @description Only missions whose title or events hold these words. */
                q?: string;
                /** @description Only missions in one of these states, separated by commas. */
                state?: ("queued" | "running" | "awaiting_user" | "awaiting_approval" | "parked" | "interrupted" | "done" | "failed" | "cancelled")[];
                /** @description Only missions in this workspace, by id or name. */
                workspace?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Mission"];
                };
            };
        };
    };
    create_mission: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MissionRequest"];
            };
        };
        responses: {
            /** @description The mission. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
        };
    };
    get_mission: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The mission as it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
        };
    };
    delete_mission: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    edit_mission: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MissionChange"];
            };
        };
        responses: {
            /** @description The mission as it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
        };
    };
    list_asks: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Approvals and questions that wait, the oldest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Ask"];
                };
            };
        };
    };
    answer: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description What is asked */
                ask: string;
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AnswerRequest"];
            };
        };
        responses: {
            /** @description What was asked, answered. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ask"];
                };
            };
        };
    };
    decide: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description What is asked */
                ask: string;
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DecisionRequest"];
            };
        };
        responses: {
            /** @description What was asked, decided. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ask"];
                };
            };
        };
    };
    cancel_mission: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The mission, which has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
        };
    };
    commit_mission: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CommitRequest"];
            };
        };
        responses: {
            /** @description The commit. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Commit"];
                };
            };
        };
    };
    get_mission_diff: {
        parameters: {
            query?: {
                /** @description The number of a turn, or `total`, which it is where absent. */
                turn?: string;
            };
            header?: never;
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The changed files. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Diff"];
                };
            };
        };
    };
    list_events: {
        parameters: {
            query?: {
                /** @description Only events after this place in the mission's log. */
                after?: number;
                /** @description Only events of these kinds, separated by commas: `message`, `tool_call` … */
                kind?: string[];
                /** @description How many at most; 200 where absent. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events in order. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Event"];
                };
            };
        };
    };
    finish_mission: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The mission, which is done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
        };
    };
    interrupt_mission: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The mission as it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
        };
    };
    send_message: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MessageRequest"];
            };
        };
        responses: {
            /** @description The message in the queue. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QueuedMessage"];
                };
            };
        };
    };
    push_mission: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PushRequest"];
            };
        };
        responses: {
            /** @description What was pushed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pushed"];
                };
            };
        };
    };
    list_queue: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The messages in the order of sending. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_QueuedMessage"];
                };
            };
        };
    };
    reorder_queue: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["QueueOrder"];
            };
        };
        responses: {
            /** @description The messages in their new order. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_QueuedMessage"];
                };
            };
        };
    };
    remove_queued_message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mission */
                id: string;
                /** @description The message */
                message: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It will not be sent. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    edit_queued_message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mission */
                id: string;
                /** @description The message */
                message: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MessageText"];
            };
        };
        responses: {
            /** @description The message with its new text. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QueuedMessage"];
                };
            };
        };
    };
    send_now: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The mission */
                id: string;
                /** @description The message */
                message: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is sent next. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    replay_mission: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Turn by turn, what it says otherwise. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Replay"];
                };
            };
        };
    };
    resume_mission: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The mission, which is queued. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
        };
    };
    list_mission_rules: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rules. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ApprovalRule"];
                };
            };
        };
    };
    stream_events: {
        parameters: {
            query?: {
                /** @description The id of the last event that is known already. The header `Last-Event-ID` goes before it. */
                after?: number;
            };
            header?: {
                /** @description The id of the last event that is known already */
                "Last-Event-ID"?: number | null;
            };
            path: {
                /** @description The mission */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    list_model_requests: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
                /** @description Only this mission's. */
                mission?: components["schemas"]["MissionId"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_ModelRequest"];
                };
            };
        };
    };
    list_models: {
        parameters: {
            query?: {
                /** @description Only this provider's. */
                provider?: components["schemas"]["ProviderId"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All models. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Model"];
                };
            };
        };
    };
    get_openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The OpenAPI 3.1 document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    list_plugins: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The plugins. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_PluginInfo"];
                };
            };
        };
    };
    get_plugin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The plugin as it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PluginInfo"];
                };
            };
        };
    };
    keep_plugin: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The plugin as it now stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PluginInfo"];
                };
            };
        };
    };
    reload_plugin: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The plugin as it now stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PluginInfo"];
                };
            };
        };
    };
    roll_back_plugin: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The plugin as it now stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PluginInfo"];
                };
            };
        };
    };
    list_tools: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The plugin */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its tools. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Tool"];
                };
            };
        };
    };
    call_tool: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The plugin */
                id: string;
                /** @description The tool */
                tool: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ToolCallRequest"];
            };
        };
        responses: {
            /** @description What the tool answered. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ToolReply"];
                };
            };
        };
    };
    get_process: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The process */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process as it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Process"];
                };
            };
        };
    };
    remove_process: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The process */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    attach_process: {
        parameters: {
            query?: {
                /** @description From this byte of standard output on. Absent: from the last 64 KiB. */
                offset?: number;
            };
            header?: never;
            path: {
                /** @description The process */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connection is a WebSocket. */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    write_input: {
        parameters: {
            query?: {
                /** @description Whether standard input ends after this; with a terminal, by typing control-D. */
                close?: boolean;
            };
            header?: never;
            path: {
                /** @description The process */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/octet-stream": number[] | null;
            };
        };
        responses: {
            /** @description It was written. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    stream_output: {
        parameters: {
            query?: {
                /** @description From this byte on; 0 where absent. */
                offset?: number;
                /** @description Which stream; standard output where absent. */
                stream?: components["schemas"]["OutputStream"];
            };
            header?: never;
            path: {
                /** @description The process */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                };
            };
        };
    };
    resize_process: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The process */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SizeRequest"];
            };
        };
        responses: {
            /** @description It has the new size. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    signal_process: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The process */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignalRequest"];
            };
        };
        responses: {
            /** @description It was sent. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_providers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All providers. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Provider"];
                };
            };
        };
    };
    remove_rule: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The rule */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    search_events: {
        parameters: {
            query: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many at most; 50 where absent. */
                limit?: number;
                /** @description Only events of this mission. */
                mission?: string;
                /** @description Words that the event holds; the last one may be the beginning of a word. */
                q: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the matches. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_EventHit"];
                };
            };
        };
    };
    list_secrets: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All secrets. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Secret"];
                };
            };
        };
    };
    get_secret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The secret. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
        };
    };
    set_secret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SecretValue"];
            };
        };
        responses: {
            /** @description It has another value. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
            /** @description It is new. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
        };
    };
    delete_secret: {
        parameters: {
            query?: {
                /** @description Also where something names it. */
                force?: boolean;
            };
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    describe_secret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SecretTerms"];
            };
        };
        responses: {
            /** @description The secret. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
        };
    };
    list_secret_uses: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_SecretUse"];
                };
            };
        };
    };
    sign_in_callback: {
        parameters: {
            query: {
                /** @description What the provider adds: `state`, `code`, `error` and others, each a parameter of its own */
                answer: {
                    [key: string]: string;
                };
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account is signed in. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    list_skills: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_SkillInfo"];
                };
            };
        };
    };
    get_skill: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The skill. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillBody"];
                };
            };
        };
    };
    put_skill: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SkillRequest"];
            };
        };
        responses: {
            /** @description The skill is kept. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillInfo"];
                };
            };
        };
    };
    delete_skill: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The skill is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_snapshots: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Snapshot"];
                };
            };
        };
    };
    get_snapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The snapshot */
                id: components["schemas"]["SnapshotId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The snapshot. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Snapshot"];
                };
            };
        };
    };
    delete_snapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The snapshot */
                id: components["schemas"]["SnapshotId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    fork_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The snapshot */
                id: components["schemas"]["SnapshotId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ForkRequest"];
            };
        };
        responses: {
            /** @description The workspace. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
        };
    };
    stream_missions: {
        parameters: {
            query?: {
                /** @description The id of the last event that is known already. The header `Last-Event-ID` goes before it. */
                after?: number;
            };
            header?: {
                /** @description The id of the last event that is known already */
                "Last-Event-ID"?: number | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    list_templates: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Template"];
                };
            };
        };
    };
    create_template: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TemplateRequest"];
            };
        };
        responses: {
            /** @description The template. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Template"];
                };
            };
        };
    };
    get_template: {
        parameters: {
            query?: {
                /** @description Absent is the newest. */
                version?: number;
            };
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The version that was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Template"];
                };
            };
        };
    };
    update_template: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TemplateUpdate"];
            };
        };
        responses: {
            /** @description The newest version. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Template"];
                };
            };
        };
    };
    delete_template: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_template_versions: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Template"];
                };
            };
        };
    };
    list_tokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Your tokens. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_TokenInfo"];
                };
            };
        };
    };
    create_token: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description The token. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedToken"];
                };
            };
        };
    };
    revoke_token: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It works no longer. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    get_usage: {
        parameters: {
            query?: {
                /** @description Only with this account. */
                account?: components["schemas"]["AccountName"];
                /** @description By what it is summed; by day where absent. */
                by?: "day" | "mission" | "model" | "account" | "user" | "harness";
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description From this day on. */
                from?: components["schemas"]["Day"];
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
                /** @description Only this mission's. */
                mission?: components["schemas"]["MissionId"];
                /** @description Only of this model. */
                model?: string;
                /** @description Until this day, itself included. */
                to?: components["schemas"]["Day"];
                /** @description Only of this user's missions. */
                user?: components["schemas"]["UserId"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the sums. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_SpendingSum"];
                };
            };
        };
    };
    vault_status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its key, and how far that is replaced. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VaultStatus"];
                };
            };
        };
    };
    rotate_vault_key: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has begun. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VaultStatus"];
                };
            };
        };
    };
    get_version: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The version. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Version"];
                };
            };
        };
    };
    list_workspaces: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Workspace"];
                };
            };
        };
    };
    create_workspace: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WorkspaceRequest"];
            };
        };
        responses: {
            /** @description The workspace. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
        };
    };
    get_workspace: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The workspace as it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
        };
    };
    delete_workspace: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    build_workspace: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BuildRequest"];
            };
        };
        responses: {
            /** @description The build. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Build"];
                };
            };
        };
    };
    list_builds: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Build"];
                };
            };
        };
    };
    clone_repository: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CloneRequest"];
            };
        };
        responses: {
            /** @description The repository. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cloned"];
                };
            };
        };
    };
    exec: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProcessRequest"];
            };
        };
        responses: {
            /** @description What it prints, and how it ends. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
        };
    };
    export_workspace: {
        parameters: {
            query?: {
                /** @description `tar.zst` where absent. */
                format?: "tar.zst" | "tar";
            };
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The archive. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                };
            };
        };
    };
    list_files: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
                /** @description Its path from the workspace's tree, with `%XX` in names as a list tells them. Absent is the tree itself. */
                path?: string;
            };
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_FileEntry"];
                };
            };
        };
    };
    remove_file: {
        parameters: {
            query: {
                /** @description Its path from the workspace's tree. */
                path: string;
                /** @description Whether a directory goes with all that is in it. */
                recursive?: boolean;
            };
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    pack_files: {
        parameters: {
            query?: {
                /** @description How it is packed; `tar.gz` where absent. */
                format?: "tar.gz" | "tar";
                /** @description The directory's path from the workspace's tree. Absent is the tree itself. */
                path?: string;
            };
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The archive. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                };
            };
        };
    };
    unpack_files: {
        parameters: {
            query?: {
                /** @description How it is packed; `tar.gz` where absent. */
                format?: "tar.gz" | "tar";
                /** @description The directory's path from the workspace's tree. Absent is the tree itself. */
                path?: string;
            };
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            /** @description What was unpacked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unpacked"];
                };
            };
        };
    };
    read_file: {
        parameters: {
            query: {
                /** @description Its path from the workspace's tree. */
                path: string;
            };
            header?: {
                /** @description Only this version */
                "If-Match"?: string | null;
                /** @description Only another version */
                "If-None-Match"?: string | null;
                /** @description The version of which a part is wanted; of another one all is sent */
                "If-Range"?: string | null;
                /** @description `bytes=FIRST-LAST` */
                Range?: string | null;
            };
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content. */
            200: {
                headers: {
                    /** @description The version */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                };
            };
            /** @description The part. */
            206: {
                headers: {
                    /** @description Which part of how many bytes */
                    "Content-Range"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                };
            };
            /** @description It is the version that the client has. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    write_file: {
        parameters: {
            query: {
                /** @description Whether missing directories above it are made. */
                parents?: boolean;
                /** @description Its path from the workspace's tree. */
                path: string;
            };
            header?: {
                /** @description Only over this version, or with `*` over any */
                "If-Match"?: string | null;
                /** @description With `*`: only where there is nothing */
                "If-None-Match"?: string | null;
            };
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            /** @description The file as it is now. */
            200: {
                headers: {
                    /** @description The version */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileWritten"];
                };
            };
        };
    };
    make_directory: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DirectoryRequest"];
            };
        };
        responses: {
            /** @description The directory. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileEntry"];
                };
            };
        };
    };
    get_file: {
        parameters: {
            query?: {
                /** @description Its path from the workspace's tree, with `%XX` in names as a list tells them. Absent is the tree itself. */
                path?: string;
            };
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileEntry"];
                };
            };
        };
    };
    move_file: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MoveRequest"];
            };
        };
        responses: {
            /** @description It has its new path. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    get_files_usage: {
        parameters: {
            query?: {
                /** @description Its path from the workspace's tree, with `%XX` in names as a list tells them. Absent is the tree itself. */
                path?: string;
            };
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The space that it takes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DiskUsage"];
                };
            };
        };
    };
    fork_workspace: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ForkRequest"];
            };
        };
        responses: {
            /** @description The new workspace. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
        };
    };
    list_ports: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_WorkspacePort"];
                };
            };
        };
    };
    set_ports: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PortsRequest"];
            };
        };
        responses: {
            /** @description All ports as they stand now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_WorkspacePort"];
                };
            };
        };
    };
    connect_port: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
                /** @description The port */
                port: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connection is a WebSocket. */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    open_port: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
                /** @description The port */
                port: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OpenRequest"];
            };
        };
        responses: {
            /** @description The way in. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Opened"];
                };
            };
        };
    };
    list_processes: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Process"];
                };
            };
        };
    };
    start_process: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProcessRequest"];
            };
        };
        responses: {
            /** @description The process. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Process"];
                };
            };
        };
    };
    restore_workspace: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RestoreRequest"];
            };
        };
        responses: {
            /** @description The workspace. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
        };
    };
    list_workspace_rules: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The workspace, by id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rules. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ApprovalRule"];
                };
            };
        };
    };
    list_workspace_snapshots: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the part before. */
                cursor?: string;
                /** @description How many entries at most; 50 where absent. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Snapshot"];
                };
            };
        };
    };
    take_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SnapshotRequest"];
            };
        };
        responses: {
            /** @description The snapshot. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Snapshot"];
                };
            };
        };
    };
    apply_template: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApplyRequest"];
            };
        };
        responses: {
            /** @description What was done, or would be. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Application"];
                };
            };
        };
    };
    start_upload: {
        parameters: {
            query?: never;
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The workspace's id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UploadRequest"];
            };
        };
        responses: {
            /** @description The upload. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
        };
    };
    get_upload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
                /** @description The upload */
                upload: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How far it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
        };
    };
    abort_upload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
                /** @description The upload */
                upload: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    append_upload: {
        parameters: {
            query: {
                /** @description The byte of the file with which the part begins: as many as have arrived. */
                offset: number;
            };
            header?: never;
            path: {
                /** @description The workspace's id or name */
                id: string;
                /** @description The upload */
                upload: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            /** @description How far it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
        };
    };
    finish_upload: {
        parameters: {
            query?: {
                /** @description Whether missing directories above it are made. */
                parents?: boolean;
            };
            header?: {
                /** @description A name for this request that its client makes up. The same request with the same key is done once within 24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`. */
                "Idempotency-Key"?: string;
                /** @description Only over this version, or with `*` over any */
                "If-Match"?: string | null;
                /** @description With `*`: only where there is nothing */
                "If-None-Match"?: string | null;
            };
            path: {
                /** @description The workspace's id or name */
                id: string;
                /** @description The upload */
                upload: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileWritten"];
                };
            };
        };
    };
    get_workspace_usage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What it uses. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResourceUsage"];
                };
            };
        };
    };
    import_workspace: {
        parameters: {
            query?: {
                /** @description Its backend; absent is the one that it had. With another one it has none of its options. */
                backend?: components["schemas"]["PluginId"];
                /** @description The workspace's name; absent is the one that it had. */
                name?: string;
                /** @description Options for the backend, a JSON object, in place of those that it had. */
                options?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            /** @description The workspace. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportedWorkspace"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It lives. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It can. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
}

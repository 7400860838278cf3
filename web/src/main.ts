import ui from '@nuxt/ui/vue-plugin';
import { VueQueryPlugin } from '@tanstack/vue-query';
import { createApp } from 'vue';
import App from './App.vue';
import { queryClient } from './api/query-client.ts';
import { followSignOuts } from './composables/account/use-session.ts';
import { loadPages, router } from './router.ts';
import './styles.css';

followSignOuts();
createApp(App).use(router).use(VueQueryPlugin, { queryClient }).use(ui).mount('#app');
void router.isReady().then(loadPages);
